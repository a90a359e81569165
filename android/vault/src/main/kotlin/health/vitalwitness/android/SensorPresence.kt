package health.vitalwitness.android

import android.bluetooth.le.ScanFilter
import android.companion.AssociationInfo
import android.companion.AssociationRequest
import android.companion.BluetoothLeDeviceFilter
import android.companion.CompanionDeviceManager
import android.companion.CompanionDeviceService
import android.content.Context
import android.os.Build
import androidx.annotation.RequiresApi
import java.util.Locale

/**
 * Android calls this when a device the person chose comes near, also when the app does not run: a session
 * begins. From Android 12.
 */
@RequiresApi(Build.VERSION_CODES.S)
class SensorPresence : CompanionDeviceService() {
    @Deprecated("Android 12 calls this")
    override fun onDeviceAppeared(address: String) = SensorService.start(this, address.uppercase(Locale.ROOT))

    @RequiresApi(Build.VERSION_CODES.TIRAMISU)
    override fun onDeviceAppeared(association: AssociationInfo) {
        val address = association.deviceMacAddress ?: return
        SensorService.start(this, address.toString().uppercase(Locale.ROOT))
    }

    @Deprecated("Android 12 calls this")
    override fun onDeviceDisappeared(address: String) = Unit // the session ends by itself: it knows the link

    @RequiresApi(Build.VERSION_CODES.TIRAMISU)
    override fun onDeviceDisappeared(association: AssociationInfo) = Unit

    companion object {
        /**
         * The question whether this device may wake the app: give it to `CompanionDeviceManager.associate`
         * from an activity, and call [watch] once the person agreed.
         */
        fun request(peripheral: String): AssociationRequest {
            val scan = ScanFilter.Builder().setDeviceAddress(peripheral).build()
            val filter = BluetoothLeDeviceFilter.Builder().setScanFilter(scan).build()
            return AssociationRequest.Builder().addDeviceFilter(filter).setSingleDevice(true).build()
        }

        /** From now on its coming near starts a session. */
        fun watch(context: Context, peripheral: String) {
            @Suppress("DEPRECATION") // what came after it is of Android 16
            context.getSystemService(CompanionDeviceManager::class.java).startObservingDevicePresence(peripheral)
        }

        /** No longer. */
        fun forget(context: Context, peripheral: String) {
            @Suppress("DEPRECATION")
            context.getSystemService(CompanionDeviceManager::class.java).run {
                stopObservingDevicePresence(peripheral)
                disassociate(peripheral)
            }
        }
    }
}
