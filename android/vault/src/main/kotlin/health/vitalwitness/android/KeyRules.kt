package health.vitalwitness.android

import android.hardware.biometrics.BiometricPrompt
import android.os.Build
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyPermanentlyInvalidatedException
import android.security.keystore.KeyProperties
import android.security.keystore.UserNotAuthenticatedException
import health.vitalwitness.KeyStoreException
import health.vitalwitness.KeyUse
import java.io.IOException
import java.security.InvalidKeyException
import java.security.ProviderException
import java.security.UnrecoverableKeyException
import java.security.spec.ECGenParameterSpec
import java.security.spec.InvalidKeySpecException
import javax.crypto.AEADBadTagException

/** Whether the Keystore of this Android can hold a key for [use]; where not, it is a software key, sealed by one of the Keystore. */
internal fun keystoreHolds(use: KeyUse, sdk: Int): Boolean = use != KeyUse.AGREE || sdk >= Build.VERSION_CODES.S

/**
 * How the Keystore is to make a key.
 *
 * Presence: from Android 11 each signature asks, a finger, a face or the lock code. Before, a key that
 * asks each time knows no lock code, so it asks for what was shown within [PRESENCE_SECONDS].
 */
internal fun keySpec(alias: String, use: KeyUse, sdk: Int, strongBox: Boolean): KeyGenParameterSpec {
    val purposes = when (use) {
        KeyUse.SIGN, KeyUse.SIGN_WITH_PRESENCE -> KeyProperties.PURPOSE_SIGN
        KeyUse.AGREE -> KeyProperties.PURPOSE_AGREE_KEY
        KeyUse.WRAP -> KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT
    }
    val spec = KeyGenParameterSpec.Builder(alias, purposes).setIsStrongBoxBacked(strongBox)
    when (use) {
        KeyUse.WRAP -> spec.setKeySize(256)
            .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
            .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
        KeyUse.AGREE -> spec.setAlgorithmParameterSpec(ECGenParameterSpec("secp256r1"))
        else -> spec.setAlgorithmParameterSpec(ECGenParameterSpec("secp256r1")).setDigests(KeyProperties.DIGEST_SHA256)
    }
    if (use == KeyUse.SIGN_WITH_PRESENCE) {
        // a finger added later does not end the key: the vault would be lost with it
        spec.setUserAuthenticationRequired(true).setInvalidatedByBiometricEnrollment(false)
        if (sdk >= Build.VERSION_CODES.R) {
            val who = KeyProperties.AUTH_BIOMETRIC_STRONG or KeyProperties.AUTH_DEVICE_CREDENTIAL
            spec.setUserAuthenticationParameters(0, who)
        } else {
            @Suppress("DEPRECATION")
            spec.setUserAuthenticationValidityDurationSeconds(PRESENCE_SECONDS)
        }
    }
    return spec.build()
}

/** What a failure of the Keystore means to the vault. Its message is left behind: it may name the alias. */
internal fun refusalOf(failure: Throwable): KeyStoreException {
    val causes = generateSequence(failure) { it.cause }.take(CAUSES).toList()
    causes.firstNotNullOfOrNull { it as? KeyStoreException }?.let { return it }
    return when {
        causes.any { it is KeyPermanentlyInvalidatedException || it is UnrecoverableKeyException } -> KeyStoreException.KeyLost()
        causes.any { it is UserNotAuthenticatedException } -> KeyStoreException.Refused()
        causes.any { it is AEADBadTagException } -> KeyStoreException.NotValid()
        Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU && causes.any { it is android.security.KeyStoreException } ->
            refusalOfKeystore(causes.firstNotNullOf { it as? android.security.KeyStoreException })
        causes.any { it is InvalidKeyException || it is InvalidKeySpecException } -> KeyStoreException.NotValid()
        // the Keystore's own process or the chip behind it does not answer
        causes.any { it is ProviderException || it is IOException || it is java.security.KeyStoreException } ->
            KeyStoreException.Unavailable()
        else -> KeyStoreException.Failed()
    }
}

private fun refusalOfKeystore(failure: android.security.KeyStoreException): KeyStoreException = when {
    Build.VERSION.SDK_INT < Build.VERSION_CODES.TIRAMISU -> KeyStoreException.Failed()
    else -> refusalOfCode(failure.numericErrorCode, failure.isTransientFailure)
}

/** By the numbers that Android 13 gives. */
internal fun refusalOfCode(code: Int, passing: Boolean): KeyStoreException = when (code) {
    android.security.KeyStoreException.ERROR_KEY_DOES_NOT_EXIST,
    android.security.KeyStoreException.ERROR_KEY_CORRUPTED,
    -> KeyStoreException.KeyLost()
    android.security.KeyStoreException.ERROR_USER_AUTHENTICATION_REQUIRED -> KeyStoreException.Refused()
    else -> if (passing) KeyStoreException.Unavailable() else KeyStoreException.Failed()
}

/** What the end of a question to the person means, by the number the system gives it. */
internal fun refusalOfPrompt(code: Int): KeyStoreException = when (code) {
    BiometricPrompt.BIOMETRIC_ERROR_USER_CANCELED, BiometricPrompt.BIOMETRIC_ERROR_CANCELED -> KeyStoreException.Cancelled()
    BiometricPrompt.BIOMETRIC_ERROR_LOCKOUT, BiometricPrompt.BIOMETRIC_ERROR_LOCKOUT_PERMANENT -> KeyStoreException.Refused()
    BiometricPrompt.BIOMETRIC_ERROR_HW_UNAVAILABLE, BiometricPrompt.BIOMETRIC_ERROR_HW_NOT_PRESENT,
    BiometricPrompt.BIOMETRIC_ERROR_NO_BIOMETRICS, BiometricPrompt.BIOMETRIC_ERROR_NO_DEVICE_CREDENTIAL,
    BiometricPrompt.BIOMETRIC_ERROR_TIMEOUT,
    -> KeyStoreException.Unavailable()
    else -> KeyStoreException.Refused()
}

/** Before Android 11: how long a shown finger or lock code counts. */
internal const val PRESENCE_SECONDS = 15
private const val CAUSES = 8
