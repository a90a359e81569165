package health.vitalwitness.android

import android.app.Service
import android.content.Context
import android.content.Intent
import android.content.pm.ServiceInfo
import android.os.Build
import android.os.IBinder
import android.util.Log
import androidx.core.content.ContextCompat
import health.vitalwitness.SensorCounts
import health.vitalwitness.SessionGoal
import health.vitalwitness.SessionListener
import health.vitalwitness.SessionState
import health.vitalwitness.VaultException
import health.vitalwitness.code
import health.vitalwitness.wallClock
import java.time.ZoneId
import java.util.concurrent.ConcurrentHashMap
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch

/**
 * Runs sessions with paired devices while the app is not on the screen: a foreground service of type
 * `connectedDevice`. It ends with its last session.
 */
class SensorService : Service() {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    private val sessions = ConcurrentHashMap<String, Job>()

    override fun onBind(intent: Intent?): IBinder? = null

    override fun onStartCommand(intent: Intent?, flags: Int, startId: Int): Int {
        // within seconds of the start, or Android ends the app
        val notice = Notice.SENSOR.of(this)
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) {
            startForeground(Notice.SENSOR.number, notice, ServiceInfo.FOREGROUND_SERVICE_TYPE_CONNECTED_DEVICE)
        } else {
            startForeground(Notice.SENSOR.number, notice)
        }
        val peripheral = intent?.getStringExtra(PERIPHERAL)
        if (peripheral == null) {
            if (sessions.isEmpty()) stopSelf()
            return START_REDELIVER_INTENT
        }
        sessions.compute(peripheral) { _, before -> if (before?.isActive == true) before else scope.launch { session(peripheral) } }
        return START_REDELIVER_INTENT
    }

    override fun onDestroy() {
        scope.cancel()
        super.onDestroy()
    }

    private suspend fun session(peripheral: String) {
        try {
            val vault = vaultOwner?.vault() ?: return
            val sensor = vault.sensors().firstOrNull { it.peripheral == peripheral } ?: return
            vault.runSensor(sensor.id, SessionGoal.LIVE, false, ZoneId.systemDefault().wallClock(), Quiet)
        } catch (refusal: VaultException) {
            Log.w(TAG, "session ended: ${refusal.code}")
        } finally {
            sessions.remove(peripheral)
            if (sessions.isEmpty()) stopSelf()
        }
    }

    /** Nobody looks; screens observe the vault. */
    private object Quiet : SessionListener {
        override fun state(state: SessionState) = Unit

        override fun taken(counts: SensorCounts) = Unit
    }

    companion object {
        private const val PERIPHERAL = "peripheral"
        private const val TAG = "vitalwitness"

        /** Starts a session with a paired device. From the background only what [SensorPresence] was told of may start. */
        fun start(context: Context, peripheral: String) =
            ContextCompat.startForegroundService(context, Intent(context, SensorService::class.java).putExtra(PERIPHERAL, peripheral))

        /** Ends all sessions. */
        fun stop(context: Context) {
            context.stopService(Intent(context, SensorService::class.java))
        }
    }
}
