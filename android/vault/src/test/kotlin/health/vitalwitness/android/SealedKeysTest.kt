package health.vitalwitness.android

import health.vitalwitness.KeyStoreException
import java.security.Signature
import javax.crypto.AEADBadTagException
import javax.crypto.Cipher
import javax.crypto.spec.GCMParameterSpec
import javax.crypto.spec.SecretKeySpec
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34])
class SealedKeysTest {
    @get:Rule
    val folder = TemporaryFolder()
    private val keys by lazy { SealedKeys(folder.root.resolve("keys")) }

    @Test
    fun a_sealed_key_opens_as_the_pair_of_its_public_half() {
        keys.create("dek") { sealing(KEY) }
        val opened = keys.private("dek") { opening(KEY, it) }
        val signed = Signature.getInstance("SHA256withECDSA").run { initSign(opened); update(1); sign() }
        val public = java.security.KeyFactory.getInstance("EC").generatePublic(java.security.spec.X509EncodedKeySpec(keys.public("dek")))
        assertEquals(true, Signature.getInstance("SHA256withECDSA").run { initVerify(public); update(1); verify(signed) })
    }

    @Test
    fun a_file_under_another_name_or_with_a_changed_byte_does_not_open() {
        keys.create("dek") { sealing(KEY) }
        val file = folder.root.resolve("keys").listFiles()!!.single()
        file.copyTo(file.resolveSibling("64656c"))
        assertThrows(AEADBadTagException::class.java) { keys.private("del") { opening(KEY, it) } }
        assertThrows(AEADBadTagException::class.java) { keys.private("dek") { opening(OTHER, it) } }
        for (at in listOf(40, 91, file.length().toInt() - 1)) {
            val bytes = file.readBytes()
            file.writeBytes(bytes.copyOf().also { it[at] = (it[at] + 1).toByte() })
            assertThrows("$at", AEADBadTagException::class.java) { keys.private("dek") { opening(KEY, it) } }
            file.writeBytes(bytes)
        }
    }

    @Test
    fun a_missing_or_cut_file_is_a_lost_key() {
        assertThrows(KeyStoreException.KeyLost::class.java) { keys.public("dek") }
        keys.create("dek") { sealing(KEY) }
        val file = folder.root.resolve("keys").listFiles()!!.single()
        file.writeBytes(file.readBytes().copyOf(100))
        assertThrows(KeyStoreException.KeyLost::class.java) { keys.public("dek") }
        keys.delete("dek")
        assertThrows(KeyStoreException.KeyLost::class.java) { keys.public("dek") }
    }

    private companion object {
        val KEY = SecretKeySpec(ByteArray(32) { 7 }, "AES")
        val OTHER = SecretKeySpec(ByteArray(32) { 8 }, "AES")

        fun sealing(key: SecretKeySpec): Cipher = Cipher.getInstance("AES/GCM/NoPadding").apply { init(Cipher.ENCRYPT_MODE, key) }

        fun opening(key: SecretKeySpec, nonce: ByteArray): Cipher =
            Cipher.getInstance("AES/GCM/NoPadding").apply { init(Cipher.DECRYPT_MODE, key, GCMParameterSpec(128, nonce)) }
    }
}
