package health.vitalwitness.android

import android.Manifest
import android.bluetooth.BluetoothGatt
import android.os.Build
import health.vitalwitness.RadioException
import java.util.UUID

/** What the end of a read or a write means; the numbers of the Attribute Protocol, and those Android adds. */
internal fun refusalOfOperation(status: Int): RadioException = when (status) {
    BluetoothGatt.GATT_INSUFFICIENT_AUTHENTICATION, BluetoothGatt.GATT_INSUFFICIENT_AUTHORIZATION,
    BluetoothGatt.GATT_INSUFFICIENT_ENCRYPTION, KEY_TOO_SHORT, AUTH_FAIL,
    -> RadioException.NeedsBonding()
    INVALID_HANDLE, BluetoothGatt.GATT_READ_NOT_PERMITTED, BluetoothGatt.GATT_WRITE_NOT_PERMITTED,
    BluetoothGatt.GATT_REQUEST_NOT_SUPPORTED, NOT_FOUND,
    -> RadioException.NotOffered()
    GATT_ERROR, INTERNAL_ERROR, BluetoothGatt.GATT_FAILURE -> RadioException.Unreachable()
    else -> RadioException.Refused()
}

/** What the end of a link means; the numbers of the controller, and those Android adds. */
internal fun refusalOfLink(status: Int): RadioException = when (status) {
    HCI_AUTH_FAILED, HCI_KEY_MISSING, HCI_MIC_FAILURE, AUTH_FAIL, BluetoothGatt.GATT_INSUFFICIENT_AUTHENTICATION,
    BluetoothGatt.GATT_INSUFFICIENT_ENCRYPTION,
    -> RadioException.NeedsBonding()
    // 133, time-outs, the other side hung up, no answer: bring it near and wake it
    else -> RadioException.Unreachable()
}

/** Whether a link that did not come to stand is worth another try at once: Android's 133 says nothing, and often passes. */
internal fun worthAnotherTry(status: Int): Boolean = status == GATT_ERROR || status == HCI_NOT_ESTABLISHED

/** The permissions a scan and a link need, by Android's version. */
internal fun radioPermissions(sdk: Int): List<String> =
    if (sdk >= Build.VERSION_CODES.S) {
        listOf(Manifest.permission.BLUETOOTH_SCAN, Manifest.permission.BLUETOOTH_CONNECT)
    } else {
        listOf(Manifest.permission.ACCESS_FINE_LOCATION)
    }

/** The UUID of an assigned number. */
internal fun uuidOf(number: UShort): UUID = UUID((number.toLong() shl 32) or BASE_HIGH, BASE_LOW)

/** The assigned number of a UUID; none: a maker's own. */
internal fun numberOf(uuid: UUID): UShort? =
    if (uuid.leastSignificantBits == BASE_LOW && uuid.mostSignificantBits and 0x0000_FFFF_0000_0000L.inv() == BASE_HIGH) {
        (uuid.mostSignificantBits ushr 32).toUShort()
    } else {
        null
    }

/** Client characteristic configuration: where notifications are switched on. */
internal val CONFIGURATION: UUID = uuidOf(0x2902u)

private const val BASE_HIGH = 0x0000_0000_0000_1000L
private val BASE_LOW = 0x800000805F9B34FBuL.toLong()
private const val INVALID_HANDLE = 0x01
private const val NOT_FOUND = 0x0A
private const val KEY_TOO_SHORT = 0x0C
private const val HCI_AUTH_FAILED = 0x05
private const val HCI_KEY_MISSING = 0x06
private const val HCI_MIC_FAILURE = 0x3D
private const val HCI_NOT_ESTABLISHED = 0x3E
private const val INTERNAL_ERROR = 0x81
internal const val GATT_ERROR = 0x85
private const val AUTH_FAIL = 0x89
