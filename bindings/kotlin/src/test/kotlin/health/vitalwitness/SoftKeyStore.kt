package health.vitalwitness

import java.security.KeyFactory
import java.security.KeyPair
import java.security.KeyPairGenerator
import java.security.SecureRandom
import java.security.Signature
import java.security.spec.ECGenParameterSpec
import java.security.spec.X509EncodedKeySpec
import java.util.concurrent.ConcurrentHashMap
import javax.crypto.AEADBadTagException
import javax.crypto.Cipher
import javax.crypto.KeyAgreement
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec
import javax.crypto.spec.SecretKeySpec

/** A key store of the JVM: the same algorithms as a phone's, in memory. [before] stands in for the person. */
class SoftKeyStore : KeyStore {
    private val pairs = ConcurrentHashMap<String, KeyPair>()
    private val secrets = ConcurrentHashMap<String, SecretKey>()
    private val asking = ConcurrentHashMap<String, Boolean>()

    /** Runs before each use: the use, and whether it asks the person. */
    @Volatile
    var before: suspend (use: String, asks: Boolean) -> Unit = { _, _ -> }

    val aliases: Set<String> get() = pairs.keys + secrets.keys

    override suspend fun create(alias: String, purpose: KeyUse) {
        before("create", false)
        asking[alias] = purpose == KeyUse.SIGN_WITH_PRESENCE
        if (purpose == KeyUse.WRAP) {
            secrets[alias] = SecretKeySpec(ByteArray(32).also(random::nextBytes), "AES")
        } else {
            pairs[alias] = generator.get().generateKeyPair()
        }
    }

    override suspend fun publicKey(alias: String): ByteArray {
        before("publicKey", false)
        return pair(alias).public.encoded
    }

    override suspend fun sign(alias: String, message: ByteArray): ByteArray {
        before("sign", asking[alias] == true)
        return Signature.getInstance("SHA256withECDSA").run {
            initSign(pair(alias).private)
            update(message)
            sign()
        }
    }

    override suspend fun agree(alias: String, peer: ByteArray): ByteArray {
        before("agree", false)
        val key = KeyFactory.getInstance("EC").generatePublic(X509EncodedKeySpec(spkiHead + peer))
        return KeyAgreement.getInstance("ECDH").run {
            init(pair(alias).private)
            doPhase(key, true)
            generateSecret()
        }
    }

    override suspend fun wrap(alias: String, secret: ByteArray, context: ByteArray): ByteArray {
        before("wrap", false)
        val nonce = ByteArray(12).also(random::nextBytes)
        return nonce + cipher(Cipher.ENCRYPT_MODE, alias, nonce, context).doFinal(secret)
    }

    override suspend fun unwrap(alias: String, wrapped: ByteArray, context: ByteArray): ByteArray {
        before("unwrap", false)
        val nonce = wrapped.copyOf(12)
        try {
            return cipher(Cipher.DECRYPT_MODE, alias, nonce, context).doFinal(wrapped, 12, wrapped.size - 12)
        } catch (_: AEADBadTagException) {
            throw KeyStoreException.NotValid()
        }
    }

    override suspend fun delete(alias: String) {
        before("delete", false)
        pairs.remove(alias)
        secrets.remove(alias)
    }

    /** As after a reset of the phone. */
    fun loseEverything() {
        pairs.clear()
        secrets.clear()
    }

    private fun pair(alias: String) = pairs[alias] ?: throw KeyStoreException.KeyLost()

    private fun cipher(mode: Int, alias: String, nonce: ByteArray, context: ByteArray): Cipher {
        val key = secrets[alias] ?: throw KeyStoreException.KeyLost()
        return Cipher.getInstance("AES/GCM/NoPadding").apply {
            init(mode, key, GCMParameterSpec(128, nonce))
            updateAAD(context)
        }
    }

    private companion object {
        val random = SecureRandom()
        val generator: ThreadLocal<KeyPairGenerator> = ThreadLocal.withInitial {
            KeyPairGenerator.getInstance("EC").apply { initialize(ECGenParameterSpec("secp256r1")) }
        }
        val spkiHead = intArrayOf(
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
            0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ).map(Int::toByte).toByteArray()
    }
}
