package health.vitalwitness.android

import android.content.Context
import androidx.health.connect.client.HealthConnectClient
import androidx.health.connect.client.changes.DeletionChange
import androidx.health.connect.client.changes.UpsertionChange
import androidx.health.connect.client.permission.HealthPermission
import androidx.health.connect.client.records.Record
import androidx.health.connect.client.request.ChangesTokenRequest
import androidx.health.connect.client.request.ReadRecordsRequest
import androidx.health.connect.client.time.TimeRangeFilter
import health.vitalwitness.ImportEnd
import health.vitalwitness.ImportReport
import health.vitalwitness.Vault
import health.vitalwitness.kinds
import health.vitalwitness.wallClock
import java.io.File
import java.time.Instant
import java.time.ZoneId
import kotlin.reflect.KClass
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/** What a reading of Health Connect brought. */
data class HealthReading(
    /** Records that are new in the vault. */
    val added: ULong,
    /** Records the vault had already. */
    val known: ULong,
    /** Records that were deleted there. They stay here: the person takes back what they want taken back. */
    val deletedThere: Int,
    /** Kinds the person does not let this app read. */
    val notAllowed: Set<KClass<out Record>>,
    /** The stable code that ended it early; what came before stays, and the next reading begins anew from there. */
    val ended: String?,
)

/**
 * Reads the person's records out of Health Connect into the vault, where they are of origin
 * `VENDOR_FILE`: first all of a kind it may read, later what changed, each record once.
 *
 * They pass through a file in the app's own cache, of one page at most, that is deleted at once.
 */
class HealthConnectReader(
    private val client: HealthConnectClient,
    private val marks: HealthMarks,
    private val folder: File,
    private val zone: ZoneId = ZoneId.systemDefault(),
) {
    constructor(context: Context) : this(
        HealthConnectClient.getOrCreate(context),
        HealthMarks(context.noBackupFilesDir.resolve("health-connect.marks")),
        context.cacheDir,
    )

    /** Permissions to ask the person for, by `PermissionController.createRequestPermissionResultContract`. */
    val permissions: Set<String> = healthRecords.map { HealthPermission.getReadPermission(it) }.toSet()

    /** Reads what is new into [vault]. Cancel it at any moment; what was read by then is not read again. */
    suspend fun readInto(vault: Vault): HealthReading {
        val granted = client.permissionController.getGrantedPermissions()
        val (allowed, refused) = healthRecords.partition { HealthPermission.getReadPermission(it) in granted }
        val sum = Sum()
        for (kind in allowed) {
            val mark = marks[kind]
            if (mark == null || !changes(vault, kind, mark, sum)) everything(vault, kind, sum)
            if (sum.ended != null) break
        }
        return HealthReading(sum.added, sum.known, sum.deleted, refused.toSet(), sum.ended)
    }

    /** The mark is taken first: what changes meanwhile is seen twice, not never. */
    private suspend fun <T : Record> everything(vault: Vault, kind: KClass<T>, sum: Sum) {
        val mark = client.getChangesToken(ChangesTokenRequest(setOf(kind)))
        var page: String? = null
        do {
            val request = ReadRecordsRequest(kind, TimeRangeFilter.after(Instant.EPOCH), pageSize = PAGE, pageToken = page)
            val read = client.readRecords(request)
            if (!give(vault, read.records, sum)) return
            page = read.pageToken
        } while (!page.isNullOrEmpty())
        marks[kind] = mark
    }

    /** False: the mark is too old to say what changed. */
    private suspend fun changes(vault: Vault, kind: KClass<out Record>, from: String, sum: Sum): Boolean {
        var mark = from
        do {
            val answer = client.getChanges(mark)
            if (answer.changesTokenExpired) return false
            sum.deleted += answer.changes.count { it is DeletionChange }
            if (!give(vault, answer.changes.filterIsInstance<UpsertionChange>().map { it.record }, sum)) return true
            mark = answer.nextChangesToken
            // after the records are durable: cut off in between, they are read again, and known
            marks[kind] = mark
        } while (answer.hasMore)
        return true
    }

    private suspend fun give(vault: Vault, records: List<Record>, sum: Sum): Boolean {
        val table = HealthTable(kinds()) { zone.rules.getOffset(it) }
        val rows = records.flatMap { table.rows(it) }
        if (rows.isEmpty()) return true
        val report = withContext(Dispatchers.IO) {
            folder.mkdirs()
            val file = File.createTempFile("read", ".csv", folder)
            try {
                file.bufferedWriter().use { out -> (listOf(HealthTable.HEADER) + rows).forEach { out.append(it).append("\r\n") } }
                vault.importFile(file.path, zone.wallClock(), null, null)
            } finally {
                file.delete()
            }
        }
        return sum.add(report)
    }

    private class Sum(var added: ULong = 0uL, var known: ULong = 0uL, var deleted: Int = 0, var ended: String? = null) {
        fun add(report: ImportReport): Boolean {
            added += report.added
            known += report.duplicates
            ended = when (val end = report.end) {
                is ImportEnd.Complete -> null
                is ImportEnd.Stopped -> "stopped"
                is ImportEnd.Failed -> end.code
            }
            return ended == null
        }
    }

    private companion object {
        const val PAGE = 1_000
    }
}
