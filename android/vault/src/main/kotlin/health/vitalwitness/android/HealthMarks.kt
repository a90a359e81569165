package health.vitalwitness.android

import android.util.AtomicFile
import androidx.health.connect.client.records.Record
import java.io.File
import java.io.FileNotFoundException
import java.io.IOException
import java.util.Properties
import kotlin.reflect.KClass

/** Up to where each kind was read: Health Connect's own marks, which say nothing about the person. */
class HealthMarks(file: File) {
    private val file = AtomicFile(file)

    internal operator fun get(kind: KClass<out Record>): String? = synchronized(this) { read().getProperty(kind.simpleName) }

    internal operator fun set(kind: KClass<out Record>, mark: String) = synchronized(this) {
        val all = read().apply { setProperty(kind.simpleName, mark) }
        val stream = file.startWrite()
        try {
            all.store(stream, null)
            file.finishWrite(stream)
        } catch (failure: IOException) {
            file.failWrite(stream)
            throw failure
        }
    }

    /** Everything is read anew; what the vault has is known. */
    fun forget() = synchronized(this) { file.delete() }

    private fun read() = Properties().apply {
        try {
            file.openRead().use { load(it) }
        } catch (_: FileNotFoundException) {
            // nothing was read yet
        }
    }
}
