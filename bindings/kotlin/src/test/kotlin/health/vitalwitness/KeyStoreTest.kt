package health.vitalwitness

import java.time.Instant
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.delay
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** A key store that does not do it: each way its own error, nothing lost, the vault usable after. */
class KeyStoreTest {
    private val quick = KeyLimits(quietMs = 300u, presenceMs = 600u)

    /** Makes a vault, lets [fault] happen while it is opened again, and checks that all is there after. */
    private fun whileOpening(code: String, limits: KeyLimits = usualKeyLimits, fault: suspend () -> Unit) = inFolder { folder ->
        val phone = Phone.new(folder)
        val id = phone.typed("weight", "82.4").id
        phone.vault.lock()
        phone.keys.before = { _, _ -> fault() }
        withTimeout(20.seconds) { refusedWith(code) { openVault("$folder/vault", phone.keys, limits) } }
        phone.keys.before = { _, _ -> }
        phone.vault.unlock()
        assertEquals(id, phone.vault.records(RecordQuery()).records.single().id)
    }

    @Test
    fun `refused is its own error`() = whileOpening("key_refused") { throw KeyStoreException.Refused() }

    @Test
    fun `cancelled by the person is its own error`() =
        whileOpening("key_cancelled") { throw KeyStoreException.Cancelled() }

    @Test
    fun `a store that does not answer is given up after its limit, and is told so`() {
        val told = CompletableDeferred<Unit>()
        whileOpening("key_unavailable", quick) {
            try {
                awaitCancellation()
            } catch (cancelled: CancellationException) {
                told.complete(Unit)
                throw cancelled
            }
        }
        assertTrue(told.isCompleted)
    }

    @Test
    fun `a store that hangs without listening is given up as well`() =
        whileOpening("key_unavailable", quick) { Thread.sleep(1_500) }

    @Test
    fun `a lost key says to restore`() = whileOpening("key_lost") { throw KeyStoreException.KeyLost() }

    @Test
    fun `an exception that the trait does not know is an internal error`() =
        whileOpening("key_store") { error("of the implementation") }

    @Test
    fun `other keys than those it was made with say to restore, and delete nothing`() = inFolder { folder ->
        val phone = Phone.new(folder)
        val id = phone.typed("mood", "well").id
        phone.vault.lock()
        refusedWith("key_lost") { openVault("$folder/vault", SoftKeyStore(), limits) }
        phone.vault.unlock()
        assertEquals(id, phone.vault.record(id).id)
    }

    @Test
    fun `an answer that is no key or no signature is an internal error, not a crash`() = inFolder { folder ->
        val good = SoftKeyStore()
        val bad = object : KeyStore by good {
            override suspend fun publicKey(alias: String) = ByteArray(91)
        }
        refusedWith("key_store") { createVault("$folder/bad", null, bad, limits) }
        createVault("$folder/vault", null, good, limits).vault.use { assertTrue(it.isOpen()) }
    }

    @Test
    fun `while a store hangs, other calls wait and then work`() = inFolder { folder ->
        val phone = Phone.new(folder)
        phone.vault.lock()
        phone.keys.before = { _, _ -> delay(500.milliseconds) }
        val opened = openVault("$folder/vault", phone.keys, usualKeyLimits)
        phone.keys.before = { _, _ -> }
        val added = opened.add(typedEntry("mood", "calm", Instant.now(), 0))
        assertEquals(1, opened.records(RecordQuery()).records.count { it.id == added.id })
    }

    @Test
    fun `limits of nothing are refused`() = inFolder { folder ->
        refusedWith("limit_invalid") { openVault("$folder/vault", SoftKeyStore(), KeyLimits(0u, 1u)) }
    }
}
