package health.vitalwitness.android

import android.Manifest
import android.app.Application
import android.bluetooth.BluetoothDevice
import android.bluetooth.BluetoothGatt
import android.bluetooth.BluetoothManager
import android.bluetooth.BluetoothProfile
import android.content.Intent
import android.os.Looper
import androidx.test.core.app.ApplicationProvider
import health.vitalwitness.Characteristic
import health.vitalwitness.RadioException
import java.util.UUID
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.yield
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Assert.fail
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34])
class AndroidRadioTest {
    private val app = ApplicationProvider.getApplicationContext<Application>()
    private val adapter = app.getSystemService(BluetoothManager::class.java).adapter
    private val device = adapter.getRemoteDevice(STRAP)

    @Before
    fun switchedOnAndAllowed() {
        shadowOf(adapter).setEnabled(true)
        shadowOf(app).grantPermissions(Manifest.permission.BLUETOOTH_SCAN, Manifest.permission.BLUETOOTH_CONNECT)
    }

    @Test
    fun without_permission_or_switched_off_nothing_is_tried() {
        shadowOf(app).denyPermissions(Manifest.permission.BLUETOOTH_CONNECT)
        refused<RadioException.NotAllowed> { connect(STRAP); Unit }
        shadowOf(app).grantPermissions(Manifest.permission.BLUETOOTH_CONNECT)
        shadowOf(adapter).setEnabled(false)
        refused<RadioException.Off> { scan(listOf(0x180Du)) }
        assertTrue(shadowOf(device).bluetoothGatts.isEmpty())
    }

    @Test
    fun a_scan_asks_for_the_services_and_ends_when_told() = AndroidRadio(app).use { radio ->
        runBlocking {
            radio.scan(listOf(0x180Du, 0x1810u))
            val scans = shadowOf(adapter.bluetoothLeScanner).activeScans
            val filters = scans.single().scanFilters().map { it.serviceUuid!!.uuid }
            assertEquals(listOf(uuidOf(0x180Du), uuidOf(0x1810u)), filters)
            radio.stopScan()
            assertTrue(shadowOf(adapter.bluetoothLeScanner).activeScans.isEmpty())
        }
    }

    @Test
    fun a_link_that_fails_with_133_is_tried_three_times() {
        AndroidRadio(app).use { radio ->
            runBlocking {
                val call = async(Dispatchers.Default) { runCatching { radio.connect(STRAP) } }
                for (attempt in 1..3) change(gatt(attempt), 133, BluetoothProfile.STATE_DISCONNECTED)
                assertTrue(call.await().exceptionOrNull() is RadioException.Unreachable)
                assertEquals(3, shadowOf(device).bluetoothGatts.size)
                assertTrue(shadowOf(device).bluetoothGatts.all { shadowOf(it).isClosed })
            }
        }
    }

    @Test
    fun a_call_on_a_link_that_is_gone_ends_at_once() = refused<RadioException.Unreachable> { read(STRAP, HEART); Unit }

    @Test
    fun an_address_that_is_none_is_refused() = refused<RadioException.NotOffered> { connect("not an address"); Unit }

    @Test
    fun a_bond_is_told_by_the_broadcast() {
        for ((state, bonded) in listOf(BluetoothDevice.BOND_BONDED to true, BluetoothDevice.BOND_NONE to false)) {
            AndroidRadio(app).use { radio ->
                shadowOf(device).setBondState(BluetoothDevice.BOND_NONE)
                shadowOf(device).setCreatedBond(true)
                runBlocking {
                    val call = async(Dispatchers.Unconfined) { runCatching { radio.bond(STRAP) } }
                    app.sendBroadcast(
                        Intent(BluetoothDevice.ACTION_BOND_STATE_CHANGED).putExtra(BluetoothDevice.EXTRA_DEVICE, device)
                            .putExtra(BluetoothDevice.EXTRA_BOND_STATE, state),
                    )
                    shadowOf(Looper.getMainLooper()).idle()
                    val refusal = withTimeout(10_000) { call.await() }.exceptionOrNull()
                    if (bonded) assertNull(refusal) else assertTrue("$refusal", refusal is RadioException.BondRefused)
                }
            }
        }
    }

    @Test
    fun statuses_have_their_own_refusals() {
        val operations = mapOf(
            5 to RadioException.NeedsBonding::class, 15 to RadioException.NeedsBonding::class, 8 to RadioException.NeedsBonding::class,
            137 to RadioException.NeedsBonding::class, 2 to RadioException.NotOffered::class, 6 to RadioException.NotOffered::class,
            133 to RadioException.Unreachable::class, 0x80 to RadioException.Refused::class, 0x11 to RadioException.Refused::class,
        )
        operations.forEach { (status, expected) -> assertEquals("$status", expected, refusalOfOperation(status)::class) }
        val links = mapOf(
            8 to RadioException.Unreachable::class, 19 to RadioException.Unreachable::class, 22 to RadioException.Unreachable::class,
            133 to RadioException.Unreachable::class, 5 to RadioException.NeedsBonding::class, 6 to RadioException.NeedsBonding::class,
        )
        links.forEach { (status, expected) -> assertEquals("$status", expected, refusalOfLink(status)::class) }
    }

    @Test
    fun assigned_numbers_and_uuids_are_each_others() {
        assertEquals(UUID.fromString("0000180d-0000-1000-8000-00805f9b34fb"), uuidOf(0x180Du))
        assertEquals(0xFFFFu.toUShort(), numberOf(uuidOf(0xFFFFu)))
        assertNull(numberOf(UUID.fromString("6e400001-b5a3-f393-e0a9-e50e24dcca9e")))
        assertNull(numberOf(UUID.fromString("0001180d-0000-1000-8000-00805f9b34fb")))
    }

    private inline fun <reified T : RadioException> refused(crossinline call: suspend AndroidRadio.() -> Unit) =
        AndroidRadio(app).use { radio ->
            runBlocking {
                try {
                    radio.call()
                    fail("was not refused")
                } catch (refusal: RadioException) {
                    assertEquals(T::class, refusal::class)
                }
            }
        }

    private suspend fun gatt(count: Int): BluetoothGatt = withTimeout(10_000) {
        while (shadowOf(device).bluetoothGatts.size < count || shadowOf(shadowOf(device).bluetoothGatts[count - 1]).gattCallback == null) yield()
        shadowOf(device).bluetoothGatts[count - 1]
    }

    private fun change(gatt: BluetoothGatt, status: Int, state: Int) =
        shadowOf(gatt).gattCallback.onConnectionStateChange(gatt, status, state)

    private companion object {
        const val STRAP = "F0:0D:BE:EF:00:01"
        val HEART = Characteristic(0x180Du, 0x2A37u)
    }
}
