package health.vitalwitness.android

import android.content.Context
import android.net.ConnectivityManager
import android.net.NetworkCapabilities
import android.os.SystemClock
import androidx.work.BackoffPolicy
import androidx.work.Constraints
import androidx.work.CoroutineWorker
import androidx.work.ExistingPeriodicWorkPolicy
import androidx.work.ExistingWorkPolicy
import androidx.work.NetworkType
import androidx.work.OneTimeWorkRequestBuilder
import androidx.work.PeriodicWorkRequestBuilder
import androidx.work.WorkManager
import androidx.work.WorkerParameters
import androidx.work.workDataOf
import health.vitalwitness.Network
import health.vitalwitness.RequestState
import health.vitalwitness.SealWhich
import health.vitalwitness.Vault
import health.vitalwitness.VaultException
import health.vitalwitness.code
import java.time.Duration
import java.util.concurrent.TimeUnit

/**
 * Seals what is due and syncs, a slice at a time, while Android lets it. What is done by then stays done,
 * also when Android stops it in the middle.
 *
 * Ends with `retry` while the cloud is to be waited for or time is over, with `failure` and the stable
 * `code` where only the person can help, and with `success` otherwise.
 */
class SyncWorker(context: Context, parameters: WorkerParameters) : CoroutineWorker(context, parameters) {
    override suspend fun doWork(): Result {
        val vault = applicationContext.vaultOwner?.vault() ?: return Result.success()
        return try {
            if (vault.cloud() == null) return Result.success()
            vault.seal(SealWhich.DUE)
            val done = inSlices(vault)
            if (vault.requests().any { it.state == RequestState.WAITING }) Notice.REQUEST.show(applicationContext)
            if (done) Result.success() else Result.retry()
        } catch (refusal: VaultException) {
            resultOf(refusal)
        }
    }

    /** Whether all is done; not: the cloud wants to be left alone, or time is over. */
    private suspend fun inSlices(vault: Vault): Boolean {
        val until = SystemClock.elapsedRealtime() + ALL_MS
        do {
            val report = vault.sync(SLICE_MS.toUInt(), network())
            if (report.frozen != null) Notice.ATTENTION.show(applicationContext)
            if (report.done) return true
            if (report.retryAt != null) return false
        } while (SystemClock.elapsedRealtime() < until)
        return false
    }

    private fun resultOf(refusal: VaultException): Result = when (refusal) {
        is VaultException.NotNow -> Result.retry()
        // the person locked it: the next one after they unlock it
        is VaultException.Locked -> Result.success()
        else -> {
            if (refusal !is VaultException.Internal) Notice.ATTENTION.show(applicationContext)
            Result.failure(workDataOf(CODE to refusal.code))
        }
    }

    private fun network(): Network {
        val connections = applicationContext.getSystemService(ConnectivityManager::class.java)
        val now = connections.getNetworkCapabilities(connections.activeNetwork)
        val metered = now?.hasCapability(NetworkCapabilities.NET_CAPABILITY_NOT_METERED) != true
        val low = connections.restrictBackgroundStatus == ConnectivityManager.RESTRICT_BACKGROUND_STATUS_ENABLED
        return Network(metered, low)
    }

    companion object {
        /** In the output of a sync that failed: why. */
        const val CODE = "code"

        /** Every [every], at least 15 minutes, while there is a network. Call it at each start of the app. */
        fun schedule(context: Context, every: Duration = Duration.ofHours(1)) {
            val work = PeriodicWorkRequestBuilder<SyncWorker>(every)
                .setConstraints(online).setBackoffCriteria(BackoffPolicy.EXPONENTIAL, BACKOFF_S, TimeUnit.SECONDS)
            WorkManager.getInstance(context).enqueueUniquePeriodicWork("$NAME.often", ExistingPeriodicWorkPolicy.UPDATE, work.build())
        }

        /** As soon as there is a network; one that waits already is enough. */
        fun soon(context: Context) {
            val work = OneTimeWorkRequestBuilder<SyncWorker>()
                .setConstraints(online).setBackoffCriteria(BackoffPolicy.EXPONENTIAL, BACKOFF_S, TimeUnit.SECONDS)
            WorkManager.getInstance(context).enqueueUniqueWork("$NAME.soon", ExistingWorkPolicy.KEEP, work.build())
        }

        /** No more syncs by themselves. */
        fun stop(context: Context) {
            WorkManager.getInstance(context).cancelUniqueWork("$NAME.often")
            WorkManager.getInstance(context).cancelUniqueWork("$NAME.soon")
        }

        internal const val NAME = "health.vitalwitness.sync"
        private val online = Constraints.Builder().setRequiredNetworkType(NetworkType.CONNECTED).build()
        private const val BACKOFF_S = 30L

        /** Android ends a worker after ten minutes. */
        private const val ALL_MS = 8 * 60_000L
        private const val SLICE_MS = 25_000
    }
}
