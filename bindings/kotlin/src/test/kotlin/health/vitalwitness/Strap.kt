package health.vitalwitness

import java.time.Instant
import java.time.ZoneOffset
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.withContext

/** A heart rate strap behind the Radio trait: what it offers and sends was recorded, as `tests/vectors/gatt` has it. */
class Strap(private val vault: Vault) : Radio {
    private val inbox = RadioInbox()
    private val measurement = Characteristic(0x180Du, 0x2A37u)
    private val battery = Characteristic(0x180Fu, 0x2A19u)
    private val listening = CompletableFuture<Unit>()
    val scans = AtomicInteger()
    @Volatile
    var connectFails: RadioException? = null

    init {
        vault.attachRadio(this, inbox, true)
    }

    suspend fun pair(wearer: String): Sensor {
        val found = CompletableFuture<DeviceOffer>()
        coroutineScope {
            val scan = async {
                vault.scan(5_000u, object : ScanListener {
                    override fun found(offer: DeviceOffer) {
                        found.complete(offer)
                    }
                })
            }
            withContext(Dispatchers.IO) { found.get(10, TimeUnit.SECONDS) }
            scan.cancel()
        }
        val offer = found.get()
        check(offer.collects == listOf("heart rate") && offer.step == "wear") { "$offer" }
        return vault.pairSensor(offer.device, wearer, DeviceUser.OnlyMe, false, ZoneOffset.UTC.wallClock())
    }

    /** Wears it until [count] readings are kept; returns how many records it gave. */
    suspend fun wear(sensor: Sensor, count: Int): Int = coroutineScope {
        val kept = AtomicInteger()
        val enough = CompletableFuture<Unit>()
        val session = async {
            vault.runSensor(sensor.id, SessionGoal.LIVE, false, ZoneOffset.UTC.wallClock(), object : SessionListener {
                override fun state(state: SessionState) = Unit

                override fun taken(counts: SensorCounts) {
                    if (kept.addAndGet(counts.kept.toInt()) >= count) enough.complete(Unit)
                }
            })
        }
        withContext(Dispatchers.IO) { listening.get(10, TimeUnit.SECONDS) }
        val at = Instant.now().minusSeconds(600)
        repeat(count) { beat ->
            val frame = byteArrayOf(0x16, (71 + beat).toByte(), 0x20, 0x03)
            inbox.onEvent(RadioEvent.Value("F0:0D:BE:EF:00:01", measurement, frame, at.plusSeconds(beat.toLong()), false))
        }
        withContext(Dispatchers.IO) { enough.get(20, TimeUnit.SECONDS) }
        vault.stopSensor(sensor.id)
        session.await()
        kept.get()
    }

    override suspend fun scan(services: List<UShort>) {
        check(0x180Du.toUShort() in services)
        scans.incrementAndGet()
        val device = FoundDevice("F0:0D:BE:EF:00:01", "HR Strap", listOf(0x180Du), -60)
        inbox.onEvent(RadioEvent.Found(device))
    }

    override suspend fun stopScan() {
        scans.decrementAndGet()
    }

    override suspend fun connect(peripheral: String): RadioLink {
        connectFails?.let { throw it }
        return RadioLink(
            listOf(OfferedCharacteristic(measurement, 0x10u), OfferedCharacteristic(battery, 0x02u)), bonded = false,
        )
    }

    override suspend fun bond(peripheral: String) = throw RadioException.BondRefused()

    override suspend fun unbond(peripheral: String) = Unit

    override suspend fun read(peripheral: String, from: Characteristic): ByteArray =
        if (from == battery) byteArrayOf(0x58) else throw RadioException.NotOffered()

    override suspend fun write(peripheral: String, to: Characteristic, bytes: ByteArray) = throw RadioException.NotOffered()

    override suspend fun subscribe(peripheral: String, to: Characteristic) {
        if (to == measurement) listening.complete(Unit)
    }

    override suspend fun disconnect(peripheral: String) {
        inbox.onEvent(RadioEvent.Disconnected(peripheral))
    }
}
