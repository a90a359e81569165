package health.vitalwitness.android

import android.app.Application
import android.security.keystore.KeyPermanentlyInvalidatedException
import androidx.test.core.app.ApplicationProvider
import health.vitalwitness.KeyLimits
import health.vitalwitness.KeyStoreException
import health.vitalwitness.KeyUse
import health.vitalwitness.VaultException
import health.vitalwitness.code
import health.vitalwitness.createVault
import health.vitalwitness.openVault
import health.vitalwitness.typedEntry
import java.security.ProviderException
import java.security.Security
import java.security.Signature
import java.time.Instant
import java.util.concurrent.CountDownLatch
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking
import org.junit.After
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Assert.fail
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config

/** The class that ships, over a provider that stands in for the chip, under the real vault. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34])
class AndroidKeyStoreTest {
    @get:Rule
    val folder = TemporaryFolder()
    private val app = ApplicationProvider.getApplicationContext<Application>()
    private val chip = PhoneKeystore().install()
    private var answer: suspend () -> Unit = { }
    private var asked = 0
    private val person = object : Presence {
        override suspend fun confirm(signature: Signature?) {
            asked++
            answer()
        }
    }
    private val limits = KeyLimits(2_000u, 4_000u)

    @After
    fun takeTheChipAway() = Security.removeProvider(PhoneKeystore.NAME)

    @Test
    fun a_vault_is_made_written_locked_and_opened_again_on_these_keys() {
        for (sdk in listOf(30, 34)) {
            val keys = AndroidKeyStore(app, person, sdk)
            run {
                val path = folder.newFolder().resolve("vault").path
                createVault(path, null, keys, limits).vault.use { vault ->
                    val added = vault.add(typedEntry("weight", "82.4", Instant.parse("2026-03-01T07:00:00Z"), 60))
                    vault.lock()
                    vault.unlock()
                    assertEquals(added.id, vault.record(added.id).id)
                }
                openVault(path, keys, limits).use { assertEquals(1uL, it.counts().single().records) }
            }
        }
    }

    @Test
    fun two_sides_agree_with_a_key_of_the_chip_and_with_a_sealed_one() = run {
        val new = AndroidKeyStore(app, person, 34)
        val old = AndroidKeyStore(app, person, 30)
        new.create("new", KeyUse.AGREE)
        old.create("old", KeyUse.AGREE)
        assertTrue(chip.names.containsAll(setOf("vw/new", "vw-seals/old")))
        val one = new.agree("new", old.publicKey("old").copyOfRange(26, 91))
        assertArrayEquals(one, old.agree("old", new.publicKey("new").copyOfRange(26, 91)))
        assertEquals(32, one.size)
        refused<KeyStoreException.NotValid> { new.agree("new", ByteArray(65) { 4 }) }
        old.delete("old")
        refused<KeyStoreException.KeyLost> { old.publicKey("old") }
    }

    @Test
    fun only_a_key_that_asks_asks_and_each_answer_is_its_own_error() = run {
        val keys = AndroidKeyStore(app, person, 34)
        keys.create("quiet", KeyUse.SIGN)
        keys.create("asks", KeyUse.SIGN_WITH_PRESENCE)
        keys.sign("quiet", byteArrayOf(1))
        assertEquals(0, asked)
        keys.sign("asks", byteArrayOf(1))
        assertEquals(1, asked)
        answer = { throw KeyStoreException.Cancelled() }
        refused<KeyStoreException.Cancelled> { keys.sign("asks", byteArrayOf(1)) }
        answer = { throw KeyStoreException.Refused() }
        refused<KeyStoreException.Refused> { keys.sign("asks", byteArrayOf(1)) }
        chip.before = { throw ProviderException("the chip is busy") }
        refused<KeyStoreException.Unavailable> { keys.sign("asks", byteArrayOf(1)) }
        chip.before = { throw ProviderException(KeyPermanentlyInvalidatedException()) }
        refused<KeyStoreException.KeyLost> { keys.sign("asks", byteArrayOf(1)) }
    }

    @Test
    fun a_full_strong_box_makes_way_for_the_processor() = run {
        shadowOf(app.packageManager).setSystemFeature("android.hardware.strongbox_keystore", true)
        val keys = AndroidKeyStore(app, person, 34)
        keys.create("first", KeyUse.SIGN)
        chip.takes = { !it.isStrongBoxBacked }
        keys.create("second", KeyUse.SIGN)
        assertTrue(chip.specs.getValue("vw/first").isStrongBoxBacked)
        assertFalse(chip.specs.getValue("vw/second").isStrongBoxBacked)
        assertEquals(91, keys.publicKey("second").size)
    }

    @Test
    fun what_is_wrapped_opens_with_its_own_context_only() = run {
        val keys = AndroidKeyStore(app, person, 34)
        keys.create("dbk", KeyUse.WRAP)
        val wrapped = keys.wrap("dbk", byteArrayOf(1, 2, 3), byteArrayOf(9))
        assertArrayEquals(byteArrayOf(1, 2, 3), keys.unwrap("dbk", wrapped, byteArrayOf(9)))
        refused<KeyStoreException.NotValid> { keys.unwrap("dbk", wrapped, byteArrayOf(8)) }
        refused<KeyStoreException.NotValid> { keys.unwrap("dbk", ByteArray(5), byteArrayOf(9)) }
    }

    @Test
    fun a_chip_that_hangs_or_lost_its_keys_is_told_apart_and_the_vault_stays_usable() = run {
        val keys = AndroidKeyStore(app, person, 34)
        createVault(folder.root.resolve("vault").path, null, keys, KeyLimits(300u, 300u)).vault.use { vault ->
            vault.lock()
            val never = CountDownLatch(1)
            chip.before = { never.await() }
            assertEquals("key_unavailable", codeOf { vault.unlock() })
            chip.before = { }
            vault.unlock()
            vault.lock()
            chip.loseEverything()
            assertEquals("key_lost", codeOf { vault.unlock() })
        }
    }

    private fun run(work: suspend () -> Unit) = runBlocking(Dispatchers.Default) { work() }

    private suspend fun codeOf(work: suspend () -> Unit): String = try {
        work()
        "none"
    } catch (refusal: VaultException) {
        refusal.code
    }

    private suspend inline fun <reified T : KeyStoreException> refused(work: () -> Unit) {
        try {
            work()
        } catch (refusal: KeyStoreException) {
            assertEquals(T::class, refusal::class)
            return
        }
        fail("was not refused")
    }
}
