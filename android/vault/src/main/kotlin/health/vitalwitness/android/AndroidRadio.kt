package health.vitalwitness.android

import android.annotation.SuppressLint
import android.bluetooth.BluetoothAdapter
import android.bluetooth.BluetoothDevice
import android.bluetooth.BluetoothGatt
import android.bluetooth.BluetoothManager
import android.bluetooth.le.ScanCallback
import android.bluetooth.le.ScanFilter
import android.bluetooth.le.ScanResult
import android.bluetooth.le.ScanSettings
import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import android.content.pm.PackageManager.PERMISSION_GRANTED
import android.os.Build
import android.os.ParcelUuid
import androidx.core.content.ContextCompat
import androidx.core.content.IntentCompat
import health.vitalwitness.Characteristic
import health.vitalwitness.FoundDevice
import health.vitalwitness.Radio
import health.vitalwitness.RadioEvent
import health.vitalwitness.RadioException
import health.vitalwitness.RadioInbox
import health.vitalwitness.RadioLink
import java.time.Clock
import java.util.concurrent.ConcurrentHashMap
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.withTimeoutOrNull

/**
 * The phone's Bluetooth for the vault: `vault.attachRadio(radio, radio.inbox, true)`, once, before any
 * session. A device is named by its address. The app asks for [permissions]; without them each call ends
 * with `NotAllowed`.
 */
@SuppressLint("MissingPermission") // asked in allowed(), and the system's refusal is taken
class AndroidRadio(context: Context, private val clock: Clock = Clock.systemUTC()) : Radio, AutoCloseable {
    private val context = context.applicationContext
    private val adapter: BluetoothAdapter? = context.getSystemService(BluetoothManager::class.java)?.adapter
    private val links = ConcurrentHashMap<String, GattLink>()
    private val bonding = ConcurrentHashMap<String, CompletableDeferred<Boolean>>()

    /** Where this radio puts what happens. */
    val inbox = RadioInbox()

    /** What the app has to ask the person for. */
    val permissions: List<String> = radioPermissions(Build.VERSION.SDK_INT)

    private val scanning = object : ScanCallback() {
        override fun onScanResult(type: Int, result: ScanResult) {
            val services = result.scanRecord?.serviceUuids.orEmpty().mapNotNull { numberOf(it.uuid) }
            val device = FoundDevice(result.device.address, result.scanRecord?.deviceName, services, result.rssi.toShort())
            inbox.onEvent(RadioEvent.Found(device))
        }

        override fun onBatchScanResults(results: List<ScanResult>) = results.forEach { onScanResult(0, it) }
    }

    private val watching = object : BroadcastReceiver() {
        override fun onReceive(context: Context, intent: Intent) = when (intent.action) {
            BluetoothAdapter.ACTION_STATE_CHANGED -> adapterChanged(intent.getIntExtra(BluetoothAdapter.EXTRA_STATE, -1))
            BluetoothDevice.ACTION_BOND_STATE_CHANGED -> bondChanged(intent)
            else -> Unit
        }
    }

    init {
        val changes = IntentFilter(BluetoothAdapter.ACTION_STATE_CHANGED)
        changes.addAction(BluetoothDevice.ACTION_BOND_STATE_CHANGED)
        // sent by Bluetooth's process, which is not the system's own, so it has to be exported; only it may send these
        ContextCompat.registerReceiver(this.context, watching, changes, ContextCompat.RECEIVER_EXPORTED)
    }

    override suspend fun scan(services: List<UShort>) = allowed { adapter ->
        val filters = services.map { ScanFilter.Builder().setServiceUuid(ParcelUuid(uuidOf(it))).build() }
        val settings = ScanSettings.Builder().setScanMode(ScanSettings.SCAN_MODE_LOW_LATENCY).build()
        val scanner = adapter.bluetoothLeScanner ?: throw RadioException.Off()
        // a second start of the same scan is refused
        scanner.stopScan(scanning)
        scanner.startScan(filters, settings, scanning)
    }

    override suspend fun stopScan() = allowed { it.bluetoothLeScanner?.stopScan(scanning) ?: Unit }

    override suspend fun connect(peripheral: String): RadioLink = allowed { adapter ->
        links.remove(peripheral)?.close()
        val device = device(adapter, peripheral)
        var status = GATT_ERROR
        for (attempt in 1..ATTEMPTS) {
            val link = GattLink(device, toInbox(peripheral))
            try {
                status = link.connect(context)
                if (status == BluetoothGatt.GATT_SUCCESS) {
                    links[peripheral] = link
                    inbox.onEvent(RadioEvent.Connected(peripheral))
                    return@allowed RadioLink(link.offered(), device.bondState == BluetoothDevice.BOND_BONDED)
                }
            } finally {
                if (!link.isUp) link.close()
            }
            if (!worthAnotherTry(status)) break
        }
        throw refusalOfLink(status)
    }

    override suspend fun bond(peripheral: String) = allowed { adapter ->
        val device = device(adapter, peripheral)
        if (device.bondState == BluetoothDevice.BOND_BONDED) return@allowed
        val waiting = bonding.getOrPut(peripheral) { CompletableDeferred() }
        try {
            // false while the system is at it already, such as after a read that needed it
            if (!device.createBond() && device.bondState == BluetoothDevice.BOND_NONE) throw RadioException.BondRefused()
            val bonded = withTimeoutOrNull(BOND_MS) { waiting.await() } ?: false
            if (!bonded) throw RadioException.BondRefused()
        } finally {
            bonding.remove(peripheral, waiting)
        }
    }

    override suspend fun unbond(peripheral: String) = allowed { adapter ->
        val device = device(adapter, peripheral)
        if (device.bondState != BluetoothDevice.BOND_NONE) {
            // not in the public interface, and the only way there is
            val removed = runCatching { device.javaClass.getMethod("removeBond").invoke(device) as Boolean }.getOrDefault(false)
            if (!removed) throw RadioException.Refused()
        }
    }

    override suspend fun read(peripheral: String, from: Characteristic): ByteArray = allowed { link(peripheral).read(from) }

    override suspend fun write(peripheral: String, to: Characteristic, bytes: ByteArray) =
        allowed { link(peripheral).write(to, bytes) }

    override suspend fun subscribe(peripheral: String, to: Characteristic) = allowed { link(peripheral).subscribe(to) }

    override suspend fun disconnect(peripheral: String) {
        val link = links.remove(peripheral) ?: return
        link.close()
        inbox.onEvent(RadioEvent.Disconnected(peripheral))
    }

    /** Ends all links and looks at nothing more. */
    override fun close() {
        context.unregisterReceiver(watching)
        links.keys.toList().forEach { links.remove(it)?.close() }
    }

    private fun toInbox(peripheral: String) = object : LinkEvents {
        override fun value(from: Characteristic, bytes: ByteArray, confirmed: Boolean) =
            inbox.onEvent(RadioEvent.Value(peripheral, from, bytes, clock.instant(), confirmed))

        override fun gone(link: GattLink) {
            links.remove(peripheral, link)
            inbox.onEvent(RadioEvent.Disconnected(peripheral))
        }
    }

    private fun adapterChanged(state: Int) {
        if (state != BluetoothAdapter.STATE_TURNING_OFF && state != BluetoothAdapter.STATE_OFF) return
        links.keys.toList().forEach { links.remove(it)?.close() }
        bonding.values.forEach { it.complete(false) }
        if (state == BluetoothAdapter.STATE_OFF) inbox.onEvent(RadioEvent.Off)
    }

    private fun bondChanged(intent: Intent) {
        val device = IntentCompat.getParcelableExtra(intent, BluetoothDevice.EXTRA_DEVICE, BluetoothDevice::class.java) ?: return
        when (intent.getIntExtra(BluetoothDevice.EXTRA_BOND_STATE, -1)) {
            BluetoothDevice.BOND_BONDED -> {
                inbox.onEvent(RadioEvent.Bonded(device.address))
                bonding[device.address]?.complete(true)
            }
            BluetoothDevice.BOND_NONE -> bonding[device.address]?.complete(false)
        }
    }

    private fun link(peripheral: String) = links[peripheral] ?: throw RadioException.Unreachable()

    private fun device(adapter: BluetoothAdapter, peripheral: String): BluetoothDevice =
        if (BluetoothAdapter.checkBluetoothAddress(peripheral)) {
            adapter.getRemoteDevice(peripheral)
        } else {
            throw RadioException.NotOffered()
        }

    private suspend fun <T> allowed(work: suspend (BluetoothAdapter) -> T): T {
        val adapter = adapter ?: throw RadioException.Off()
        if (permissions.any { ContextCompat.checkSelfPermission(context, it) != PERMISSION_GRANTED }) {
            throw RadioException.NotAllowed()
        }
        if (!adapter.isEnabled) throw RadioException.Off()
        return try {
            work(adapter)
        } catch (_: SecurityException) {
            // taken away meanwhile
            throw RadioException.NotAllowed()
        }
    }

    private companion object {
        const val ATTEMPTS = 3

        /** The person may have to read a number off the device and type it. */
        const val BOND_MS = 120_000L
    }
}
