package health.vitalwitness.android

import android.content.Context
import android.os.Build
import android.security.keystore.StrongBoxUnavailableException
import android.security.keystore.UserNotAuthenticatedException
import health.vitalwitness.KeyStore
import health.vitalwitness.KeyStoreException
import health.vitalwitness.KeyUse
import java.security.KeyFactory
import java.security.KeyPairGenerator
import java.security.PrivateKey
import java.security.Signature
import java.security.spec.X509EncodedKeySpec
import javax.crypto.Cipher
import javax.crypto.KeyAgreement
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runInterruptible

/** Asks the person to show that they are there. */
interface Presence {
    /**
     * Returns when they did; [signature], where there is one, may then sign once.
     *
     * @throws KeyStoreException `Cancelled` when they closed the question, `Refused` when the system
     * refused them, `Unavailable` when nothing can be asked now.
     */
    suspend fun confirm(signature: Signature?)
}

/**
 * The keys of this phone in the Android Keystore: in StrongBox where there is one.
 *
 * Keys never leave it, with one exception: before Android 12 it knows no ECDH, so that key is one of
 * software, sealed in a file by a key of the Keystore.
 */
class AndroidKeyStore(
    context: Context,
    private val presence: Presence,
    private val sdk: Int = Build.VERSION.SDK_INT,
) : KeyStore {
    private val strongBox = context.packageManager.hasSystemFeature("android.hardware.strongbox_keystore")
    private val sealed = SealedKeys(context.noBackupFilesDir.resolve("keys"))

    override suspend fun create(alias: String, purpose: KeyUse) = inStore {
        forget(alias)
        if (keystoreHolds(purpose, sdk)) {
            generate(nameOf(alias, purpose), purpose)
        } else {
            generate(SEAL + alias, KeyUse.WRAP)
            sealed.create(alias) { cipher(Cipher.ENCRYPT_MODE, SEAL + alias, null) }
        }
    }

    override suspend fun publicKey(alias: String): ByteArray = inStore {
        val inside = PLACES.firstNotNullOfOrNull { store().getCertificate(it + alias) }
        inside?.publicKey?.encoded ?: sealed.public(alias)
    }

    override suspend fun sign(alias: String, message: ByteArray): ByteArray {
        val asks = inStore { store().containsAlias(ASKING + alias) }
        val key = inStore { key(if (asks) ASKING + alias else QUIET + alias) as PrivateKey }
        val signature = inStore { begun(key, asks) } ?: run {
            presence.confirm(null)
            inStore { begun(key, false) }
        }
        if (asks && sdk >= Build.VERSION_CODES.R) presence.confirm(signature)
        return inStore {
            signature!!.update(message)
            signature.sign()
        }
    }

    override suspend fun agree(alias: String, peer: ByteArray): ByteArray = inStore {
        val other = KeyFactory.getInstance("EC").generatePublic(X509EncodedKeySpec(SPKI_HEAD + peer))
        val inside = store().containsAlias(QUIET + alias)
        val agreement = if (inside) KeyAgreement.getInstance("ECDH", PROVIDER) else KeyAgreement.getInstance("ECDH")
        agreement.init(
            if (inside) key(QUIET + alias) else sealed.private(alias) { cipher(Cipher.DECRYPT_MODE, SEAL + alias, it) },
        )
        agreement.doPhase(other, true)
        agreement.generateSecret()
    }

    override suspend fun wrap(alias: String, secret: ByteArray, context: ByteArray): ByteArray = inStore {
        // the Keystore wants to choose the nonce itself
        val cipher = cipher(Cipher.ENCRYPT_MODE, QUIET + alias, null)
        cipher.updateAAD(context)
        cipher.iv + cipher.doFinal(secret)
    }

    override suspend fun unwrap(alias: String, wrapped: ByteArray, context: ByteArray): ByteArray = inStore {
        if (wrapped.size < NONCE + TAG) throw KeyStoreException.NotValid()
        val cipher = cipher(Cipher.DECRYPT_MODE, QUIET + alias, wrapped.copyOf(NONCE))
        cipher.updateAAD(context)
        cipher.doFinal(wrapped, NONCE, wrapped.size - NONCE)
    }

    override suspend fun delete(alias: String) = inStore { forget(alias) }

    private fun forget(alias: String) {
        PLACES.forEach { store().deleteEntry(it + alias) }
        sealed.delete(alias)
    }

    private fun generate(name: String, use: KeyUse) {
        try {
            generate(name, use, strongBox)
        } catch (failure: Exception) {
            // a chip that is full, or that does not know this kind of key: the processor's secure part then
            if (!strongBox || generateSequence<Throwable>(failure) { it.cause }.none { it is StrongBoxUnavailableException }) {
                throw failure
            }
            generate(name, use, false)
        }
    }

    private fun generate(name: String, use: KeyUse, strongBox: Boolean) {
        val spec = keySpec(name, use, sdk, strongBox)
        if (use == KeyUse.WRAP) {
            KeyGenerator.getInstance("AES", PROVIDER).apply { init(spec) }.generateKey()
        } else {
            KeyPairGenerator.getInstance("EC", PROVIDER).apply { initialize(spec) }.generateKeyPair()
        }
    }

    /** A signature that waits for its message; none: the person was not asked recently enough. */
    private fun begun(key: PrivateKey, mayAsk: Boolean): Signature? = try {
        Signature.getInstance("SHA256withECDSA").apply { initSign(key) }
    } catch (refusal: UserNotAuthenticatedException) {
        if (mayAsk) null else throw refusal
    }

    private fun cipher(mode: Int, name: String, nonce: ByteArray?): Cipher =
        Cipher.getInstance("AES/GCM/NoPadding").apply {
            val key = key(name) as SecretKey
            if (nonce == null) init(mode, key) else init(mode, key, GCMParameterSpec(8 * TAG, nonce))
        }

    private fun key(name: String) = store().getKey(name, null) ?: throw KeyStoreException.KeyLost()

    private fun store() = java.security.KeyStore.getInstance(PROVIDER).apply { load(null) }

    /** The chip may take its time: a caller that gives up is let go at once. */
    private suspend fun <T> inStore(work: () -> T): T = try {
        runInterruptible(Dispatchers.IO) { work() }
    } catch (gone: CancellationException) {
        throw gone
    } catch (failure: Exception) {
        throw refusalOf(failure)
    }

    private companion object {
        const val PROVIDER = "AndroidKeyStore"

        /** Part of a key's name, so that what is asked is as durable as the key. */
        const val QUIET = "vw/"
        const val ASKING = "vw-asks/"
        const val SEAL = "vw-seals/"
        val PLACES = listOf(QUIET, ASKING, SEAL)

        fun nameOf(alias: String, use: KeyUse) = (if (use == KeyUse.SIGN_WITH_PRESENCE) ASKING else QUIET) + alias
    }
}

internal const val NONCE = 12
internal const val TAG = 16

/** SPKI of P-256 up to the point, RFC 5480. */
internal val SPKI_HEAD = intArrayOf(
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
).map(Int::toByte).toByteArray()
