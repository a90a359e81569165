package health.vitalwitness.android

import android.app.Activity
import android.hardware.biometrics.BiometricManager.Authenticators.BIOMETRIC_STRONG
import android.hardware.biometrics.BiometricManager.Authenticators.DEVICE_CREDENTIAL
import android.hardware.biometrics.BiometricPrompt
import android.os.Build
import android.os.CancellationSignal
import health.vitalwitness.KeyStoreException
import java.security.Signature
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.withContext

/**
 * The system's own question: a finger, a face or the lock code. On Android 9 a finger or face only.
 *
 * [activity] gives what is in the foreground; none: nothing can be asked. [title] and [cancel] are the
 * app's words, in its language.
 */
class PromptPresence(
    private val title: CharSequence,
    private val cancel: CharSequence,
    private val activity: () -> Activity?,
) : Presence {
    override suspend fun confirm(signature: Signature?) = withContext(Dispatchers.Main.immediate) {
        val shown = activity() ?: throw KeyStoreException.Unavailable()
        suspendCancellableCoroutine { waiting ->
            val given = CancellationSignal()
            waiting.invokeOnCancellation { given.cancel() }
            val answer = object : BiometricPrompt.AuthenticationCallback() {
                override fun onAuthenticationSucceeded(result: BiometricPrompt.AuthenticationResult?) {
                    if (waiting.isActive) waiting.resume(Unit)
                }

                override fun onAuthenticationError(code: Int, words: CharSequence?) {
                    if (waiting.isActive) waiting.resumeWithException(refusalOfPrompt(code))
                }
            }
            val prompt = prompt(shown) { if (waiting.isActive) waiting.resumeWithException(KeyStoreException.Cancelled()) }
            if (signature == null) {
                prompt.authenticate(given, shown.mainExecutor, answer)
            } else {
                prompt.authenticate(BiometricPrompt.CryptoObject(signature), given, shown.mainExecutor, answer)
            }
        }
    }

    private fun prompt(shown: Activity, cancelled: () -> Unit): BiometricPrompt {
        val prompt = BiometricPrompt.Builder(shown).setTitle(title)
        when {
            Build.VERSION.SDK_INT >= Build.VERSION_CODES.R -> prompt.setAllowedAuthenticators(BIOMETRIC_STRONG or DEVICE_CREDENTIAL)
            Build.VERSION.SDK_INT == Build.VERSION_CODES.Q -> {
                @Suppress("DEPRECATION")
                prompt.setDeviceCredentialAllowed(true)
            }
            else -> prompt.setNegativeButton(cancel, shown.mainExecutor) { _, _ -> cancelled() }
        }
        return prompt.build()
    }
}
