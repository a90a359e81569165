package health.vitalwitness.android

import android.app.Application
import androidx.test.core.app.ApplicationProvider
import androidx.work.Configuration
import androidx.work.WorkInfo
import androidx.work.WorkManager
import androidx.work.impl.utils.SynchronousExecutor
import health.vitalwitness.Vault
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config

/** The app of these tests: no vault yet. */
class EmptyApp : Application(), VaultOwner {
    override val radio: AndroidRadio? = null

    override suspend fun vault(): Vault? = null
}

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34], application = EmptyApp::class)
class SyncWorkerTest {
    private val app = ApplicationProvider.getApplicationContext<Application>()

    @Test
    fun syncs_wait_for_a_network_are_queued_once_and_end_when_told() {
        WorkManager.initialize(app, Configuration.Builder().setExecutor(SynchronousExecutor()).build())
        repeat(3) {
            SyncWorker.schedule(app)
            SyncWorker.soon(app)
        }
        for (name in listOf("often", "soon")) {
            val work = infos(name).single()
            assertEquals(name, WorkInfo.State.ENQUEUED, work.state)
        }
        SyncWorker.stop(app)
        for (name in listOf("often", "soon")) assertEquals(name, WorkInfo.State.CANCELLED, infos(name).single().state)
    }

    private fun infos(name: String) = WorkManager.getInstance(app).getWorkInfosForUniqueWork("${SyncWorker.NAME}.$name").get()
}
