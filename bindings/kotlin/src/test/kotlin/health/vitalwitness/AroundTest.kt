package health.vitalwitness

import java.nio.file.Files
import java.time.Instant
import java.time.ZoneOffset
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.time.Duration.Companion.microseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.yield
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.fail

/** What happens around the calls: cancelled ones, callbacks, devices, long use. */
class AroundTest {
    @Test
    fun `a call that is cancelled anywhere leaves the vault whole, and what it did is durable`() = inFolder { folder ->
        Site(Files.createDirectory(folder.resolve("site"))).use { site ->
            val phone = Phone.new(folder, site.settings())
            phone.confirmKit()
            val ids = (1..20).map { phone.typed("heart-rate", "${60 + it}").id }
            phone.vault.seal(SealWhich.ALL)
            // later and later, until one gets to its end by itself
            var (after, cuts, ended) = Triple(1L, 0, false)
            while (!ended) {
                coroutineScope {
                    val call = launch(Dispatchers.Default) {
                        phone.vault.sync(60_000u, Network(metered = false, lowData = false))
                        ended = true
                    }
                    delay((after * 500).microseconds)
                    if (!ended) cuts += 1
                    call.cancelAndJoin()
                }
                after = after * 3 / 2 + 1
            }
            phone.syncAll()
            assertTrue(cuts > 3, "$cuts")
            ids.forEach { assertTrue(phone.vault.receipt(it, Disclosure.Nothing).isNotEmpty()) }
            // a call on the file runs to its end, also when nobody waits for it any more
            coroutineScope {
                val adding = launch(Dispatchers.Default) { phone.typed("weight", "80") }
                yield()
                adding.cancelAndJoin()
            }
            assertTrue(phone.vault.isOpen())
            phone.vault.check()
        }
    }

    @Test
    fun `a call that waits for a key store is cancelled at once, and the key store later`() = inFolder { folder ->
        val phone = Phone.new(folder)
        phone.vault.lock()
        val waiting = CompletableDeferred<Unit>()
        phone.keys.before = { _, _ ->
            waiting.complete(Unit)
            awaitCancellation()
        }
        coroutineScope {
            val call = launch(Dispatchers.Default) { openVault("$folder/vault", phone.keys, KeyLimits(1_000u, 1_000u)) }
            waiting.await()
            withTimeout(5.seconds) { call.cancelAndJoin() }
        }
        phone.keys.before = { _, _ -> }
        phone.vault.unlock()
        phone.typed("mood", "calm")
    }

    @Test
    fun `changes are told from threads of the library, gathered, and an observer that throws harms nothing`() = inFolder { folder ->
        val phone = Phone.new(folder)
        val told = LinkedBlockingQueue<Pair<List<Change>, String>>()
        val calls = AtomicInteger()
        phone.vault.observe(object : Observer {
            override fun changed(changes: List<Change>) {
                told += changes to Thread.currentThread().name
                if (calls.incrementAndGet() == 1) error("of the app")
            }
        })
        repeat(50) { phone.typed("steps", "$it") }
        phone.vault.setSettings(Settings("de", emptyMap()))
        val seen = mutableSetOf<Change>()
        while (!seen.containsAll(setOf(Change.RECORDS, Change.SETTINGS))) {
            val (changes, thread) = told.poll(10, TimeUnit.SECONDS) ?: fail("nothing more is told")
            assertTrue(thread != Thread.currentThread().name, thread)
            seen += changes
        }
        phone.typed("steps", "7")
        assertTrue(told.poll(10, TimeUnit.SECONDS)!!.first == listOf(Change.RECORDS))
        assertTrue(calls.get() < 25, "fifty changes in ${calls.get()} calls")
        phone.vault.observe(null)
        coroutineScope {
            val flow = async(Dispatchers.Default) { phone.vault.changes().first() }
            while (!flow.isCompleted) {
                phone.typed("mood", "calm")
                delay(20_000.microseconds)
            }
            assertEquals(listOf(Change.RECORDS), flow.await())
        }
    }

    @Test
    fun `an import tells how far it is, adds each record once, and ends when it is stopped or cancelled`() = inFolder { folder ->
        val phone = Phone.new(folder)
        val file = folder.resolve("export.csv")
        val start = Instant.parse("2026-01-01T00:00:00Z")
        Files.newBufferedWriter(file).use { out ->
            out.write("code,start,end,value,unit,source,note\n")
            repeat(20_000) { out.write("loinc|8867-4,${start.plusSeconds(it * 60L)},,${60 + it % 40},/min,file,\n") }
        }
        val wall = ZoneOffset.ofHours(1).wallClock()
        val progress = LinkedBlockingQueue<Pair<ULong, ULong?>>()
        val listener = object : ImportProgress {
            override fun read(bytes: ULong, total: ULong?) {
                progress += bytes to total
                error("of the app")
            }
        }
        val stop = ImportStop().also { it.stop() }
        val stopped = phone.vault.importFile("$file", wall, listener, stop)
        assertEquals(ImportEnd.Stopped, stopped.end)
        coroutineScope {
            val call = launch(Dispatchers.Default) { phone.vault.importFile("$file", wall, null, null) }
            delay(200_000.microseconds)
            call.cancelAndJoin()
        }
        val whole = phone.vault.importFile("$file", wall, listener, null)
        assertEquals(ImportEnd.Complete, whole.end)
        assertEquals(20_000uL, whole.read)
        assertEquals(20_000uL, phone.vault.counts().single().records)
        assertTrue(progress.isNotEmpty())
        val again = phone.vault.importFile("$file", wall, null, null)
        assertEquals(0uL to 20_000uL, again.added to again.duplicates)
        val none = phone.vault.importFile("$folder/nothing", wall, null, null)
        assertEquals(ImportEnd.Failed("import_read"), none.end)
        assertTrue(whole.skipped.isEmpty())
    }

    @Test
    fun `a strap is found, paired with who wears it, listened to, and forgotten`() = inFolder { folder ->
        val phone = Phone.new(folder)
        refusedWith("radio_off") { phone.vault.scan(10u, object : ScanListener {
            override fun found(offer: DeviceOffer) = Unit
        }) }
        val strap = Strap(phone.vault)
        val device = FoundDevice("F0:0D:BE:EF:00:01", "HR Strap", listOf(0x180Du), -60)
        val wall = ZoneOffset.UTC.wallClock()
        refusedWith("wearer_not_confirmed") { phone.vault.pairSensor(device, " ", DeviceUser.Unsaid, false, wall) }
        strap.connectFails = RadioException.NotAllowed()
        refusedWith("radio_not_allowed") { phone.vault.pairSensor(device, "Ada", DeviceUser.Unsaid, false, wall) }
        strap.connectFails = null
        val sensor = strap.pair("Ada")
        assertEquals("Ada", sensor.wearer)
        assertEquals(88u.toUByte(), sensor.battery)
        val given = strap.wear(sensor, 5)
        val records = phone.vault.records(RecordQuery(code = "loinc|8867-4")).records
        assertEquals(5 to 5, given to records.size)
        assertEquals(5, phone.vault.records(RecordQuery(code = "loinc|8637-1")).records.size)
        assertEquals(setOf<ShortId?>(sensor.id), records.map { it.device }.toSet())
        assertEquals(Origin.UNBONDED, records[0].origin)
        phone.vault.setSensorUser(sensor.id, DeviceUser.Number(2u))
        assertEquals(DeviceUser.Number(2u), phone.vault.sensors().single().user)
        phone.vault.forgetSensor(sensor.id)
        assertTrue(phone.vault.sensors().isEmpty())
        assertFalse(phone.vault.records(RecordQuery()).records.isEmpty())
        withTimeout(5.seconds) { while (strap.scans.get() != 0) yield() }
    }

    @Test
    fun `opening, using and closing ten thousand times does not grow`() = inFolder { folder ->
        // 200 openings of a vault and 10,000 of a small object of the library; with VW_SLOW=1 10,000 vaults
        val slow = System.getenv("VW_SLOW") == "1"
        val vaults = if (slow) 10_000 else 200
        val phone = Phone.new(folder)
        phone.typed("heart-rate", "61")
        phone.vault.lock()
        phone.vault.close()
        suspend fun cycles(count: Int) = repeat(count) {
            openVault("$folder/vault", phone.keys, limits).use { vault ->
                assertEquals(1, vault.records(RecordQuery()).records.size)
                vault.lock()
            }
            RecoveryKit.read(words).use { kit -> assertTrue(kit.qrText().endsWith(words)) }
            repeat(if (slow) 1 else 50) { ImportStop().use { it.stop() } }
        }
        // the JVM's own caches fill first; what leaks grows by every round
        val sizes = (1..4).map {
            cycles(vaults / 4)
            resident()
        }
        val growth = sizes[3] - sizes[2]
        assertTrue(growth < 8_000, "the last round grew by $growth KiB of $sizes")
        assertTrue(java.io.File("/proc/self/fd").list()!!.size < 400)
    }

    @Test
    fun `the cloud that does not answer, or is none, is said with a code`() = inFolder { folder ->
        refusedWith("cloud_url") { fetchCloud("ftp://example") }
        refusedWith("offline") { fetchCloud("http://127.0.0.1:9") }
        val phone = Phone.new(folder)
        phone.confirmKit()
        refusedWith("not_connected") { phone.syncAll() }
        refusedWith("not_connected") { phone.vault.shareCode(1u) }
        assertNull(phone.vault.cloud())
        refusedWith("kit_word") { RecoveryKit.read("nonsense ".repeat(24)) }
        refusedWith("kit_word_count") { phone.vault.confirmKit(listOf("one")) }
        val other = RecoveryKit.read(words)
        refusedWith("kit_other_account") { phone.vault.checkKit(other) }
        refusedWith("not_found") { phone.vault.deny("00".repeat(32)) }
        refusedWith("not_backup") {
            Files.writeString(folder.resolve("no.backup"), "nothing")
            restoreFromBackup("$folder/no.backup", "$folder/x", other, null, SoftKeyStore(), limits)
        }
        phone.vault.tryAgain(1)
        everyCode().forEach { assertTrue(advice(it).words.isNotBlank(), it) }
        assertEquals(NextStep.RESTORE, advice("key_lost").step)
        assertEquals(NextStep.REPORT, advice("never heard of").step)
    }

    /** Memory of the process in KiB, once what is unused was let go. */
    private fun resident(): Long {
        repeat(3) { System.gc() }
        val status = java.io.File("/proc/self/status").readLines()
        return status.first { it.startsWith("VmRSS") }.filter(Char::isDigit).toLong()
    }

    private companion object {
        val words = ("abandon ".repeat(23) + "art").trim()
    }
}
