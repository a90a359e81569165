package health.vitalwitness

import java.time.Instant
import java.time.ZoneId
import java.time.ZonedDateTime
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.flow.flow

/** The stable code of a refusal, whatever its kind; [advice] has words for it. */
val VaultException.code: String
    get() = when (this) {
        is VaultException.InvalidInput -> code
        is VaultException.Locked -> code
        is VaultException.Denied -> code
        is VaultException.NotNow -> code
        is VaultException.Device -> code
        is VaultException.StorageFull -> code
        is VaultException.RestoreNeeded -> code
        is VaultException.UpdateNeeded -> code
        is VaultException.Internal -> code
    }

/** Limits that suit a phone: 10 s for keys that ask nobody, two minutes for a person. */
val usualKeyLimits = KeyLimits(10_000u, 120_000u)

/** The clock on the wall of this zone, from [from] to [to], for imports and Bluetooth devices. */
fun ZoneId.wallClock(
    from: Instant = Instant.parse("2000-01-01T00:00:00Z"),
    to: Instant = Instant.now().plusSeconds(366L * 86_400),
): WallClock {
    val minutes = { at: Instant -> (rules.getOffset(at).totalSeconds / 60).toShort() }
    val changes = generateSequence(rules.nextTransition(from)) { rules.nextTransition(it.instant) }
        .takeWhile { it.instant < to }
        .map { OffsetChange(it.instant, minutes(it.instant)) }
    return WallClock(minutes(from), changes.toList())
}

/** Reads what a person typed, at a moment on their own clock. */
fun typedEntry(name: String, text: String, at: ZonedDateTime): NewRecord =
    typedEntry(name, text, at.toInstant(), (at.offset.totalSeconds / 60).toShort())

/** All records that [query] asks for, page by page. */
fun Vault.pages(query: RecordQuery): Flow<List<StoredRecord>> = flow {
    var mark = query.after
    do {
        val page = records(query.copy(after = mark))
        emit(page.records)
        mark = page.next
    } while (mark != null)
}

/** Parts of the vault that are not as they were, as they change. One collector at a time. */
fun Vault.changes(): Flow<List<Change>> = callbackFlow {
    observe(object : Observer {
        override fun changed(changes: List<Change>) {
            trySend(changes)
        }
    })
    awaitClose { observe(null) }
}
