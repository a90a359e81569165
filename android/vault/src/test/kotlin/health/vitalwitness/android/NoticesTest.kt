package health.vitalwitness.android

import android.Manifest
import android.app.Application
import android.app.Notification
import android.app.NotificationManager
import androidx.test.core.app.ApplicationProvider
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34])
class NoticesTest {
    private val app = ApplicationProvider.getApplicationContext<Application>()
    private val shown get() = shadowOf(app.getSystemService(NotificationManager::class.java)).allNotifications

    @Test
    fun a_notice_is_not_shown_without_permission() {
        Notice.REQUEST.show(app)
        assertTrue(shown.isEmpty())
    }

    @Test
    fun a_notice_has_only_words_of_the_resources_and_no_digit() {
        shadowOf(app).grantPermissions(Manifest.permission.POST_NOTIFICATIONS)
        Notice.entries.forEach { it.show(app) }
        assertEquals(Notice.entries.size, shown.size)
        shown.zip(Notice.entries).forEach { (notification, notice) ->
            val words = notification.extras.keySet().mapNotNull { notification.extras.getCharSequence(it)?.toString() }
            assertEquals(setOf(app.getString(notice.title), app.getString(notice.text)), words.toSet())
            assertTrue("$words", words.none { it.any(Char::isDigit) })
            assertEquals(Notification.VISIBILITY_PRIVATE, notification.visibility)
        }
    }
}
