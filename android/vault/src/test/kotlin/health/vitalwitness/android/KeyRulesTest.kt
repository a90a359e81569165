package health.vitalwitness.android

import android.hardware.biometrics.BiometricPrompt
import android.security.keystore.KeyPermanentlyInvalidatedException
import android.security.keystore.KeyProperties
import android.security.keystore.UserNotAuthenticatedException
import health.vitalwitness.KeyStoreException
import health.vitalwitness.KeyUse
import java.io.IOException
import java.security.InvalidKeyException
import java.security.ProviderException
import java.security.UnrecoverableKeyException
import javax.crypto.AEADBadTagException
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34])
class KeyRulesTest {
    @Test
    fun only_agreement_before_android_12_is_of_software() {
        for (sdk in 28..34) {
            for (use in KeyUse.entries) {
                assertEquals("$use on $sdk", use != KeyUse.AGREE || sdk >= 31, keystoreHolds(use, sdk))
            }
        }
    }

    @Test
    fun each_use_has_its_purposes_and_nothing_else() {
        val purposes = mapOf(
            KeyUse.SIGN to KeyProperties.PURPOSE_SIGN,
            KeyUse.SIGN_WITH_PRESENCE to KeyProperties.PURPOSE_SIGN,
            KeyUse.AGREE to KeyProperties.PURPOSE_AGREE_KEY,
            KeyUse.WRAP to (KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT),
        )
        purposes.forEach { (use, expected) ->
            val spec = keySpec("name", use, 34, strongBox = true)
            assertEquals("$use", expected, spec.purposes)
            assertTrue("$use", spec.isStrongBoxBacked)
            assertEquals("$use", use == KeyUse.SIGN_WITH_PRESENCE, spec.isUserAuthenticationRequired)
        }
        assertFalse(keySpec("name", KeyUse.SIGN, 34, strongBox = false).isStrongBoxBacked)
    }

    @Test
    fun a_grant_asks_each_time_from_android_11_and_within_seconds_before() {
        val now = keySpec("name", KeyUse.SIGN_WITH_PRESENCE, 34, strongBox = false)
        assertEquals(0, now.userAuthenticationValidityDurationSeconds)
        assertEquals(
            KeyProperties.AUTH_BIOMETRIC_STRONG or KeyProperties.AUTH_DEVICE_CREDENTIAL, now.userAuthenticationType,
        )
        assertFalse("a new finger must not end the vault", now.isInvalidatedByBiometricEnrollment)
        val before = keySpec("name", KeyUse.SIGN_WITH_PRESENCE, 29, strongBox = false)
        assertEquals(PRESENCE_SECONDS, before.userAuthenticationValidityDurationSeconds)
    }

    @Test
    fun each_failure_of_the_keystore_has_its_own_refusal() {
        val table = listOf(
            KeyPermanentlyInvalidatedException() to KeyStoreException.KeyLost::class,
            UnrecoverableKeyException() to KeyStoreException.KeyLost::class,
            UserNotAuthenticatedException() to KeyStoreException.Refused::class,
            AEADBadTagException() to KeyStoreException.NotValid::class,
            InvalidKeyException() to KeyStoreException.NotValid::class,
            ProviderException() to KeyStoreException.Unavailable::class,
            IOException() to KeyStoreException.Unavailable::class,
            java.security.KeyStoreException() to KeyStoreException.Unavailable::class,
            IllegalStateException() to KeyStoreException.Failed::class,
            ProviderException(KeyPermanentlyInvalidatedException()) to KeyStoreException.KeyLost::class,
            KeyStoreException.Cancelled() to KeyStoreException.Cancelled::class,
        )
        table.forEach { (failure, expected) -> assertEquals("$failure", expected, refusalOf(failure)::class) }
        assertEquals(KeyStoreException.Unavailable::class, refusalOfCode(4, passing = true)::class)
        assertEquals(KeyStoreException.Failed::class, refusalOfCode(4, passing = false)::class)
    }

    @Test
    fun a_closed_question_is_not_a_refused_person() {
        val table = mapOf(
            BiometricPrompt.BIOMETRIC_ERROR_USER_CANCELED to KeyStoreException.Cancelled::class,
            BiometricPrompt.BIOMETRIC_ERROR_LOCKOUT to KeyStoreException.Refused::class,
            BiometricPrompt.BIOMETRIC_ERROR_LOCKOUT_PERMANENT to KeyStoreException.Refused::class,
            BiometricPrompt.BIOMETRIC_ERROR_HW_UNAVAILABLE to KeyStoreException.Unavailable::class,
            BiometricPrompt.BIOMETRIC_ERROR_NO_BIOMETRICS to KeyStoreException.Unavailable::class,
        )
        table.forEach { (code, expected) -> assertEquals("$code", expected, refusalOfPrompt(code)::class) }
    }
}
