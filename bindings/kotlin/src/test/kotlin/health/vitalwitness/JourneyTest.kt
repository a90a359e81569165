package health.vitalwitness

import java.nio.file.Files
import java.time.Instant
import java.time.YearMonth
import java.time.ZoneOffset
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The way of a person through all of it, on the real library, a real cloud and a real clinic's program. */
class JourneyTest {
    private val now: Instant = Instant.ofEpochSecond(Instant.now().epochSecond)
    private val month = YearMonth.from(now.atZone(ZoneOffset.UTC)).toString()

    @Test
    fun `from the first entry to the second device`() = inFolder { folder ->
        Site(Files.createDirectory(folder.resolve("site"))).use { site ->
            val cloud = site.settings()
            val phone = Phone.new(folder, cloud)
            phone.confirmKit()
            val vault = phone.vault

            // first entry, import, a strap
            val first = phone.typed("weight", "82.4", now)
            val csv = folder.resolve("readings.csv").also { Files.writeString(it, csv()) }
            val imported = vault.importFile("$csv", ZoneOffset.UTC.wallClock(), null, null)
            assertEquals(ImportEnd.Complete, imported.end)
            assertEquals(40uL, imported.added)
            val strap = Strap(vault)
            val sensor = strap.pair("Ada")
            assertTrue(strap.wear(sensor, 3) > 0)

            // seal, sync, receipts
            assertTrue(vault.seal(SealWhich.ALL) > 0u)
            phone.syncAll()
            assertTrue(vault.quota().used!! > 0uL)
            assertEquals(0uL, vault.status().open + vault.status().queued)
            val receipts = vault.records(RecordQuery(limit = 1_000u)).records.associate {
                it.id to vault.receipt(it.id, Disclosure.Whole)
            }
            fun allHold() = receipts.values.all { verifyReceipt(it, null, cloud.trust) is Verdict.Holds }
            assertTrue(allHold())
            assertTrue(receiptFacts(receipts.getValue(first.id), cloud.trust).existedBy!! >= now.minusSeconds(5))

            // a clinic asks
            site.clinic("enrol", "--cloud", site.url, "--code", site.clinicCode(), "--name", "Dr Low").done()
            val code = vault.shareCode(1u)
            phone.syncAll()
            assertTrue(code.typed.isNotBlank())
            val ask = arrayOf("request", code.text, "--from", month, "--to", month, "--purpose", "Check-up")
            site.clinic(*ask, "--codes", "heart-rate,weight").done()
            site.clinic(*ask, "--codes", "mood").done()
            phone.syncAll()
            val (mood, asked) = vault.requests().let { all ->
                all.single { it.scope[0].codes == listOf("vw|mood") } to all.single { it.scope[0].codes!!.size == 2 }
            }
            assertEquals("Seehof Clinic", asked.organisation.name)
            assertEquals(OrganisationKind.PROVIDER, asked.kind)
            assertTrue(asked.fromQr)
            assertEquals(emptyList<RefusedRequest>(), vault.refusedRequests())
            val rows = asked.preview.associate { it.code to it.records }
            assertEquals(1uL, rows["loinc|29463-7"])
            assertTrue(rows.getValue("loinc|8867-4") >= 43uL)

            // no, and yes with one code left out: asked for presence each time
            var asks = 0
            phone.keys.before = { _, present -> if (present) asks += 1 }
            vault.deny(mood.id)
            val grant = vault.grant(asked.id, LeaveOut(listOf("loinc|29463-7"), emptyList()), now.plusSeconds(86_400))
            assertTrue(asks >= 2)
            phone.keys.before = { _, _ -> }
            refusedWith("answered") { vault.grant(asked.id, LeaveOut(emptyList(), emptyList()), now.plusSeconds(9)) }
            phone.syncAll()
            assertEquals(GrantState.LIVE, vault.grants().single { it.id == grant }.state)
            val read = site.clinic("fetch", grant, "--out", "$folder/ward").done()
            val csvOut = Files.readString(folder.resolve("ward/records.csv"))
            assertTrue("8867-4" in csvOut, read.toString())
            assertFalse("29463-7" in csvOut)

            // revoked: told first, and the clinic gets no more
            refusedWith("key_cancelled") {
                phone.keys.before = { _, present -> if (present) throw KeyStoreException.Cancelled() }
                vault.revoke(grant)
            }
            phone.keys.before = { _, _ -> }
            vault.revoke(grant)
            phone.syncAll()
            assertEquals(4, site.clinic("fetch", grant, "--out", "$folder/again").exit)
            phone.syncAll()
            val deeds = vault.activity(Instant.EPOCH, now.plusSeconds(3_600))
            val done = deeds.map { it.deed }
            for (deed in listOf(Deed.Asked, Deed.Granted, Deed.Denied, Deed.Revoked)) {
                assertTrue(deed in done, "$deed in $done")
            }
            assertTrue(done.any { it is Deed.Accessed && it.records!! >= 43uL })
            val event = deeds.first { it.deed == Deed.Granted }.event!!
            assertTrue(verifyReceipt(vault.eventReceipt(event), null, cloud.trust) is Verdict.Holds)

            proofs(vault, first.id, cloud)

            // backup, a new phone, restore: all receipts still hold, and are made anew
            vault.backup("$folder/backup.vw")
            vault.lock()
            val newKeys = SoftKeyStore()
            val kit = RecoveryKit.read(phone.kit.words())
            val restored = restoreFromBackup("$folder/backup.vw", "$folder/restored", kit, cloud.log, newKeys, limits)
            restored.connect(cloud, kit)
            restored.checkKit(kit)
            assertEquals(receipts.keys, restored.records(RecordQuery(limit = 1_000u)).records.map { it.id }.toSet())
            assertTrue(allHold())
            val again = restored.receipt(first.id, Disclosure.Whole)
            assertTrue(verifyReceipt(again, null, cloud.trust) is Verdict.Holds)
            val newPhone = Phone(newKeys, restored, kit, folder)
            newPhone.typed("heart-rate", "61", now.plusSeconds(1))
            restored.seal(SealWhich.ALL)
            newPhone.syncAll()

            // a second device converges, then is ended
            val second = newDevice(SoftKeyStore(), limits)
            val answer = restored.pairDeviceOfAccount(second.code(), kit)
            val joined = second.finish("$folder/second", answer, site.url)
            assertEquals(ids(restored), ids(joined.vault))
            restored.learnAccountDevices()
            val device = restored.accountDevices().last { !it.ended }
            restored.endAccountDevice(device.id, kit)
            newPhone.syncAll()
            assertTrue(restored.accountDevices().any { it.id == device.id && it.ended })

            // from the cloud alone, with nothing but the kit
            val pulled = restoreFromCloud("$folder/pulled", kit, cloud, SoftKeyStore(), limits)
            assertEquals(ids(restored), ids(pulled.vault))

            // the end
            restored.deleteAccount(kit)
            restored.eraseEverything()
            refusedWith("no_vault") { openVault("$folder/restored", newKeys, limits) }
            assertEquals(emptySet<String>(), newKeys.aliases)
        }
    }

    private suspend fun ids(vault: Vault) = vault.records(RecordQuery(limit = 1_000u)).records.map { it.id }.toSet()

    private suspend fun proofs(vault: Vault, id: RecordId, cloud: CloudSettings) {
        val shown = vault.receipt(id, Disclosure.Fields(listOf(1u)))
        assertEquals(listOf<UShort>(1u), receiptFacts(shown, cloud.trust).shown)
        val bare = vault.receipt(id, Disclosure.Nothing)
        val text = exportReceipt(bare, ReceiptForm.QrSvg, null).decodeToString()
        assertTrue(text.startsWith("<svg") || text.startsWith("<?xml"), text.take(40))
        val png = exportReceipt(bare, ReceiptForm.QrPng(4u), null)
        assertEquals("PNG", png.decodeToString(1, 4))
        for (form in listOf(ReceiptForm.ChainpointJson, ReceiptForm.ChainpointBinary, ReceiptForm.TlogProof)) {
            assertTrue(exportReceipt(shown, form, null).isNotEmpty(), "$form")
        }
        val cose = vault.receiptForCose(id, Disclosure.Whole)
        assertTrue(exportReceipt(cose, ReceiptForm.Cose, cloud.trust).isNotEmpty())
        val page = exportReceipt(shown, ReceiptForm.Certificate("de"), cloud.trust).decodeToString()
        assertTrue("<html" in page)
        refusedWith("needs_trust") { exportReceipt(shown, ReceiptForm.Certificate("de"), null) }
        refusedWith("bad_trust") { verifyReceipt(shown, null, "{}") }
        refusedWith("MALFORMED") { receiptOfQr("not base45!") }
        val items = vault.records(RecordQuery(limit = 20u)).records.map { BundleItem(it.id, Disclosure.Whole) }
        assertTrue(verifyBundle(vault.bundle(items), cloud.trust) is Verdict.Holds)
        val proof = vault.completeness(1u, now.minusSeconds(86_400 * 40), now.plusSeconds(86_400), listOf("loinc|8867-4"))
        assertTrue(verifyCompleteness(proof, cloud.trust) is Verdict.Holds)
        assertEquals(Comparison.SameList, vault.compare(shown))
        assertEquals(emptyList<SetAside>(), vault.setAside())
        val named = vault.cloud()!!
        assertEquals(listOf(cloud.url, cloud.log, cloud.trust), listOf(named.url, named.log, named.trust))
        assertArrayEquals(cloud.authority, named.authority)
    }

    /** Forty readings of this month, as people export them. */
    private fun csv(): String {
        val rows = (1L..40L).joinToString("\n") { "loinc|8867-4,${now.minusSeconds(it * 60)},,${60 + it},/min,file," }
        return "code,start,end,value,unit,source,note\n$rows\n"
    }
}
