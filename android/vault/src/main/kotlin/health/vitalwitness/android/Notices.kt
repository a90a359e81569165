package health.vitalwitness.android

import android.Manifest
import android.app.Notification
import android.app.NotificationChannel
import android.app.NotificationManager
import android.app.PendingIntent
import android.content.Context
import android.content.pm.PackageManager.PERMISSION_GRANTED
import android.os.Build
import androidx.core.content.ContextCompat

/**
 * All this library ever notifies of. There is no way to add words: a notification is read over shoulders
 * and by other devices, so none names a value, a device, a person or an organisation.
 */
enum class Notice(internal val channel: Channel, internal val title: Int, internal val text: Int) {
    /** A device is connected: Android wants a notification for as long as it is. */
    SENSOR(Channel.RUNNING, R.string.vw_sensor_title, R.string.vw_sensor_text),

    /** Somebody asks to see something. */
    REQUEST(Channel.ASKING, R.string.vw_request_title, R.string.vw_request_text),

    /** The sync cannot go on without the person. */
    ATTENTION(Channel.ASKING, R.string.vw_attention_title, R.string.vw_attention_text),
    ;

    internal enum class Channel(val id: String, val title: Int, val importance: Int) {
        RUNNING("vw.running", R.string.vw_channel_running, NotificationManager.IMPORTANCE_LOW),
        ASKING("vw.asking", R.string.vw_channel_asking, NotificationManager.IMPORTANCE_DEFAULT),
    }

    /** As Android shows it; touching it opens the app. */
    fun of(context: Context): Notification {
        val manager = context.getSystemService(NotificationManager::class.java)
        manager.createNotificationChannel(NotificationChannel(channel.id, context.getString(channel.title), channel.importance))
        val notice = Notification.Builder(context, channel.id)
            .setSmallIcon(R.drawable.vw_notice)
            .setContentTitle(context.getString(title))
            .setContentText(context.getString(text))
            .setVisibility(Notification.VISIBILITY_PRIVATE)
            .setOngoing(channel == Channel.RUNNING)
            .setAutoCancel(channel == Channel.ASKING)
            .setOnlyAlertOnce(true)
        context.packageManager.getLaunchIntentForPackage(context.packageName)?.let {
            notice.setContentIntent(PendingIntent.getActivity(context, 0, it, PendingIntent.FLAG_IMMUTABLE))
        }
        return notice.build()
    }

    /** Shows it, where the person allows notifications. */
    fun show(context: Context) {
        val allowed = Build.VERSION.SDK_INT < Build.VERSION_CODES.TIRAMISU ||
            ContextCompat.checkSelfPermission(context, Manifest.permission.POST_NOTIFICATIONS) == PERMISSION_GRANTED
        if (allowed) context.getSystemService(NotificationManager::class.java).notify(number, of(context))
    }

    /** Takes it away. */
    fun withdraw(context: Context) = context.getSystemService(NotificationManager::class.java).cancel(number)

    internal val number get() = FIRST + ordinal

    private companion object {
        const val FIRST = 0x5657
    }
}
