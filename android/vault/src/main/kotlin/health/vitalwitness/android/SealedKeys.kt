package health.vitalwitness.android

import android.util.AtomicFile
import health.vitalwitness.KeyStoreException
import java.io.File
import java.io.FileNotFoundException
import java.security.KeyFactory
import java.security.KeyPairGenerator
import java.security.PrivateKey
import java.security.spec.ECGenParameterSpec
import java.security.spec.PKCS8EncodedKeySpec
import javax.crypto.Cipher

/**
 * P-256 keys of software in files, each sealed by an AES-GCM key: SPKI (91 bytes), nonce (12), sealed PKCS #8.
 *
 * The alias and the public half are bound in: a file of another key, or under another name, does not open.
 */
internal class SealedKeys(private val folder: File) {
    fun create(alias: String, cipher: () -> Cipher) {
        val pair = KeyPairGenerator.getInstance("EC").apply { initialize(ECGenParameterSpec("secp256r1")) }.generateKeyPair()
        val spki = pair.public.encoded
        val plain = pair.private.encoded
        val sealing = cipher().apply { updateAAD(alias.encodeToByteArray() + spki) }
        val content = spki + sealing.iv + sealing.doFinal(plain)
        plain.fill(0)
        folder.mkdirs()
        val file = AtomicFile(fileOf(alias))
        val stream = file.startWrite()
        try {
            stream.write(content)
            file.finishWrite(stream)
        } catch (failure: java.io.IOException) {
            file.failWrite(stream)
            throw failure
        }
    }

    fun public(alias: String): ByteArray = read(alias).copyOf(SPKI)

    fun private(alias: String, cipher: (nonce: ByteArray) -> Cipher): PrivateKey {
        val content = read(alias)
        val spki = content.copyOf(SPKI)
        val opening = cipher(content.copyOfRange(SPKI, SPKI + NONCE)).apply { updateAAD(alias.encodeToByteArray() + spki) }
        val plain = opening.doFinal(content, SPKI + NONCE, content.size - SPKI - NONCE)
        try {
            return KeyFactory.getInstance("EC").generatePrivate(PKCS8EncodedKeySpec(plain))
        } finally {
            plain.fill(0)
        }
    }

    fun delete(alias: String) = AtomicFile(fileOf(alias)).delete()

    private fun read(alias: String): ByteArray {
        val content = try {
            AtomicFile(fileOf(alias)).readFully()
        } catch (_: FileNotFoundException) {
            throw KeyStoreException.KeyLost()
        }
        if (content.size < SPKI + NONCE + TAG) throw KeyStoreException.KeyLost()
        return content
    }

    /** A name that is safe in any file system. */
    private fun fileOf(alias: String) =
        folder.resolve(alias.encodeToByteArray().joinToString("") { "%02x".format(it) })

    private companion object {
        const val SPKI = 91
    }
}
