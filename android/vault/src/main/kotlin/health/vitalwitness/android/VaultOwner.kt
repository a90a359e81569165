package health.vitalwitness.android

import android.content.Context
import health.vitalwitness.Vault

/**
 * The app's `Application`: it holds the one vault there is. What Android starts by itself, the sync and
 * the service of a device, asks here.
 */
interface VaultOwner {
    /** The vault, opened where it was not; none: there is none yet, or it cannot be opened now. */
    suspend fun vault(): Vault?

    /** The radio that is attached to the vault; none: Bluetooth is not used. */
    val radio: AndroidRadio?
}

internal val Context.vaultOwner: VaultOwner?
    get() = applicationContext as? VaultOwner
