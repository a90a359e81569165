package health.vitalwitness.android

import android.annotation.SuppressLint
import android.bluetooth.BluetoothDevice
import android.bluetooth.BluetoothGatt
import android.bluetooth.BluetoothGattCallback
import android.bluetooth.BluetoothGattCharacteristic
import android.bluetooth.BluetoothGattDescriptor
import android.bluetooth.BluetoothProfile
import android.bluetooth.BluetoothStatusCodes
import android.content.Context
import android.os.Build
import health.vitalwitness.Characteristic
import health.vitalwitness.OfferedCharacteristic
import health.vitalwitness.RadioException
import java.util.concurrent.atomic.AtomicReference
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withTimeoutOrNull

/** What a link tells unasked. Called on Bluetooth's thread, in the order things happen. */
internal interface LinkEvents {
    fun value(from: Characteristic, bytes: ByteArray, confirmed: Boolean)

    /** The link is gone; told once, and only for a link that stood. */
    fun gone(link: GattLink)
}

/**
 * One link to one device. `BluetoothGatt` does one thing at a time and forgets a second: each call waits
 * for the one before it, also for one whose caller has gone.
 */
@SuppressLint("MissingPermission") // AndroidRadio asked before, and takes the system's refusal
internal class GattLink(private val device: BluetoothDevice, private val events: LinkEvents) : BluetoothGattCallback() {
    private val turns = Mutex()
    private val running = AtomicReference<Running?>()
    private val ended = CompletableDeferred<Int>()
    @Volatile private var gatt: BluetoothGatt? = null
    @Volatile private var stands = false

    private class Running(val what: What, val done: CompletableDeferred<Answer> = CompletableDeferred())

    private class Answer(val status: Int, val bytes: ByteArray = ByteArray(0))

    private enum class What { CONNECT, MTU, DISCOVER, READ, WRITE, CONFIGURE }

    val isUp: Boolean get() = stands && !ended.isCompleted

    /** Connects and finds what is offered; the status of the failed link, where it did not come to stand. */
    suspend fun connect(context: Context): Int {
        val answer = alone(What.CONNECT, CONNECT_MS) {
            gatt = device.connectGatt(
                context, false, this, BluetoothDevice.TRANSPORT_LE, BluetoothDevice.PHY_LE_1M_MASK, null,
            )
            gatt != null
        }
        if (answer.status != BluetoothGatt.GATT_SUCCESS) return answer.status
        // a device that keeps its small packets is fine
        turn(What.MTU, OPERATION_MS) { it.requestMtu(GREATEST_MTU) }
        val found = turn(What.DISCOVER, OPERATION_MS) { it.discoverServices() }
        if (found.status != BluetoothGatt.GATT_SUCCESS) throw refusalOfOperation(found.status)
        stands = true
        return BluetoothGatt.GATT_SUCCESS
    }

    fun offered(): List<OfferedCharacteristic> = gatt?.services.orEmpty().flatMap { service ->
        service.characteristics.mapNotNull { it.named()?.let { name -> OfferedCharacteristic(name, it.properties.toUByte()) } }
    }

    suspend fun read(from: Characteristic): ByteArray {
        val wanted = find(from)
        return succeeded(turn(What.READ, OPERATION_MS) { it.readCharacteristic(wanted) }).bytes
    }

    suspend fun write(to: Characteristic, bytes: ByteArray) {
        val wanted = find(to)
        val withAnswer = wanted.properties and BluetoothGattCharacteristic.PROPERTY_WRITE != 0
        val type = if (withAnswer) {
            BluetoothGattCharacteristic.WRITE_TYPE_DEFAULT
        } else {
            BluetoothGattCharacteristic.WRITE_TYPE_NO_RESPONSE
        }
        succeeded(turn(What.WRITE, OPERATION_MS) { it.put(wanted, bytes, type) })
    }

    suspend fun subscribe(to: Characteristic) {
        val wanted = find(to)
        val on = when {
            wanted.properties and BluetoothGattCharacteristic.PROPERTY_NOTIFY != 0 -> BluetoothGattDescriptor.ENABLE_NOTIFICATION_VALUE
            wanted.properties and BluetoothGattCharacteristic.PROPERTY_INDICATE != 0 -> BluetoothGattDescriptor.ENABLE_INDICATION_VALUE
            else -> throw RadioException.NotOffered()
        }
        val switch = wanted.getDescriptor(CONFIGURATION) ?: throw RadioException.NotOffered()
        // this side first: the device may send at once
        if (gatt?.setCharacteristicNotification(wanted, true) != true) throw RadioException.Unreachable()
        succeeded(turn(What.CONFIGURE, OPERATION_MS) { it.put(switch, on) })
    }

    /** Ends it; nothing is told. */
    fun close() {
        end(BluetoothGatt.GATT_SUCCESS)
        gatt?.disconnect()
        gatt?.close()
    }

    private suspend fun turn(what: What, limitMs: Long, start: (BluetoothGatt) -> Boolean): Answer =
        alone(what, limitMs) { gatt?.let(start) == true }

    private suspend fun alone(what: What, limitMs: Long, start: () -> Boolean): Answer = turns.withLock {
        running.get()?.let { before -> withTimeoutOrNull(limitMs) { before.done.join() } ?: lost() }
        if (ended.isCompleted) throw RadioException.Unreachable()
        val mine = Running(what)
        running.set(mine)
        val started = try {
            start()
        } catch (refused: SecurityException) {
            running.set(null)
            throw refused
        }
        if (!started) {
            running.set(null)
            throw if (ended.isCompleted) RadioException.Unreachable() else RadioException.Refused()
        }
        withTimeoutOrNull(limitMs) { mine.done.await() } ?: lost()
    }

    /** A device that is silent for this long will not answer this any more (ATT, 30 s): the link is of no use. */
    private fun lost(): Nothing {
        val stood = isUp
        close()
        if (stood) events.gone(this)
        throw RadioException.Unreachable()
    }

    private fun succeeded(answer: Answer): Answer =
        if (answer.status == BluetoothGatt.GATT_SUCCESS) answer else throw refusalOfOperation(answer.status)

    private fun find(wanted: Characteristic): BluetoothGattCharacteristic {
        if (!isUp) throw RadioException.Unreachable()
        val services = gatt?.services.orEmpty().filter { it.uuid == uuidOf(wanted.service) }
        return services.firstNotNullOfOrNull { it.getCharacteristic(uuidOf(wanted.number)) } ?: throw RadioException.NotOffered()
    }

    private fun answered(what: What, status: Int, bytes: ByteArray = ByteArray(0)) {
        val mine = running.get()?.takeIf { it.what == what } ?: return
        running.compareAndSet(mine, null)
        mine.done.complete(Answer(status, bytes))
    }

    private fun end(status: Int) {
        ended.complete(status)
        val mine = running.getAndSet(null) ?: return
        if (mine.what == What.CONNECT) {
            mine.done.complete(Answer(if (status == BluetoothGatt.GATT_SUCCESS) GATT_ERROR else status))
        } else {
            mine.done.completeExceptionally(refusalOfLink(status))
        }
    }

    override fun onConnectionStateChange(gatt: BluetoothGatt, status: Int, state: Int) {
        if (state == BluetoothProfile.STATE_CONNECTED && status == BluetoothGatt.GATT_SUCCESS) {
            answered(What.CONNECT, status)
            return
        }
        if (state == BluetoothProfile.STATE_CONNECTING) return
        val stood = isUp
        end(status)
        gatt.close()
        if (stood) events.gone(this)
    }

    override fun onMtuChanged(gatt: BluetoothGatt, mtu: Int, status: Int) = answered(What.MTU, status)

    override fun onServicesDiscovered(gatt: BluetoothGatt, status: Int) = answered(What.DISCOVER, status)

    override fun onCharacteristicRead(gatt: BluetoothGatt, from: BluetoothGattCharacteristic, bytes: ByteArray, status: Int) =
        answered(What.READ, status, bytes)

    @Deprecated("Android calls this before version 13")
    override fun onCharacteristicRead(gatt: BluetoothGatt, from: BluetoothGattCharacteristic, status: Int) {
        @Suppress("DEPRECATION")
        answered(What.READ, status, from.value?.clone() ?: ByteArray(0))
    }

    override fun onCharacteristicWrite(gatt: BluetoothGatt, to: BluetoothGattCharacteristic, status: Int) =
        answered(What.WRITE, status)

    override fun onDescriptorWrite(gatt: BluetoothGatt, to: BluetoothGattDescriptor, status: Int) =
        answered(What.CONFIGURE, status)

    override fun onCharacteristicChanged(gatt: BluetoothGatt, from: BluetoothGattCharacteristic, bytes: ByteArray) {
        val name = from.named() ?: return
        val notifies = from.properties and BluetoothGattCharacteristic.PROPERTY_NOTIFY != 0
        events.value(name, bytes, confirmed = !notifies)
    }

    @Deprecated("Android calls this before version 13")
    override fun onCharacteristicChanged(gatt: BluetoothGatt, from: BluetoothGattCharacteristic) {
        @Suppress("DEPRECATION")
        onCharacteristicChanged(gatt, from, from.value?.clone() ?: return)
    }
}

private fun BluetoothGattCharacteristic.named(): Characteristic? {
    val service = numberOf(service?.uuid ?: return null) ?: return null
    return Characteristic(service, numberOf(uuid) ?: return null)
}

@SuppressLint("MissingPermission")
private fun BluetoothGatt.put(to: BluetoothGattCharacteristic, bytes: ByteArray, type: Int): Boolean =
    if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) {
        writeCharacteristic(to, bytes, type) == BluetoothStatusCodes.SUCCESS
    } else {
        @Suppress("DEPRECATION")
        to.run {
            writeType = type
            value = bytes
            writeCharacteristic(this)
        }
    }

@SuppressLint("MissingPermission")
private fun BluetoothGatt.put(to: BluetoothGattDescriptor, bytes: ByteArray): Boolean =
    if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) {
        writeDescriptor(to, bytes) == BluetoothStatusCodes.SUCCESS
    } else {
        @Suppress("DEPRECATION")
        to.run {
            value = bytes
            writeDescriptor(this)
        }
    }

private const val GREATEST_MTU = 517
private const val CONNECT_MS = 30_000L
private const val OPERATION_MS = 30_000L
