package health.vitalwitness.android

import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.StrongBoxUnavailableException
import java.io.InputStream
import java.io.OutputStream
import java.security.Key
import java.security.KeyPair
import java.security.KeyPairGenerator
import java.security.KeyPairGeneratorSpi
import java.security.KeyStoreSpi
import java.security.Provider
import java.security.PublicKey
import java.security.SecureRandom
import java.security.Security
import java.security.cert.Certificate
import java.security.spec.AlgorithmParameterSpec
import java.security.spec.ECGenParameterSpec
import java.util.Collections
import java.util.Date
import java.util.concurrent.ConcurrentHashMap
import javax.crypto.KeyAgreement
import javax.crypto.KeyAgreementSpi
import javax.crypto.KeyGeneratorSpi
import javax.crypto.SecretKey
import javax.crypto.spec.SecretKeySpec

/**
 * A provider by the name of Android's, which Robolectric does not have: keys in memory, made from Android's
 * own specifications. It stands in for the chip; what calls it is the code that ships.
 */
internal class PhoneKeystore : Provider(NAME, "1", "a Keystore for tests") {
    val specs: MutableMap<String, KeyGenParameterSpec> = ConcurrentHashMap()

    /** Whether the chip takes a key of this specification. */
    @Volatile var takes: (KeyGenParameterSpec) -> Boolean = { true }

    /** Runs before each look at a key: what it throws is what the Keystore throws. */
    @Volatile var before: (name: String) -> Unit = { }
    private val held = ConcurrentHashMap<String, Key>()
    private val publics = ConcurrentHashMap<String, PublicKey>()

    init {
        offer("KeyStore", NAME) { Store() }
        offer("KeyPairGenerator", "EC") { Pairs() }
        offer("KeyGenerator", "AES") { Secrets() }
        offer("KeyAgreement", "ECDH") { Agreement() }
    }

    fun install() = apply {
        Security.removeProvider(NAME)
        Security.addProvider(this)
    }

    fun loseEverything() {
        held.clear()
        publics.clear()
    }

    val names: Set<String> get() = held.keys

    private fun offer(type: String, algorithm: String, make: () -> Any) =
        putService(object : Service(this, type, algorithm, make.javaClass.name, null, null) {
            override fun newInstance(parameter: Any?) = make()

            override fun supportsParameter(parameter: Any?) = true
        })

    private fun accept(spec: KeyGenParameterSpec) {
        if (!takes(spec)) throw StrongBoxUnavailableException()
        specs[spec.keystoreAlias] = spec
    }

    private inner class Pairs : KeyPairGeneratorSpi() {
        private lateinit var spec: KeyGenParameterSpec

        override fun initialize(size: Int, random: SecureRandom?) = throw UnsupportedOperationException()

        override fun initialize(spec: AlgorithmParameterSpec, random: SecureRandom?) {
            this.spec = spec as KeyGenParameterSpec
        }

        override fun generateKeyPair(): KeyPair {
            accept(spec)
            val pair = KeyPairGenerator.getInstance("EC").apply { initialize(ECGenParameterSpec("secp256r1")) }.generateKeyPair()
            held[spec.keystoreAlias] = pair.private
            publics[spec.keystoreAlias] = pair.public
            return pair
        }
    }

    private inner class Secrets : KeyGeneratorSpi() {
        private lateinit var spec: KeyGenParameterSpec

        override fun engineInit(random: SecureRandom?) = throw UnsupportedOperationException()

        override fun engineInit(size: Int, random: SecureRandom?) = throw UnsupportedOperationException()

        override fun engineInit(spec: AlgorithmParameterSpec, random: SecureRandom?) {
            this.spec = spec as KeyGenParameterSpec
        }

        override fun engineGenerateKey(): SecretKey {
            accept(spec)
            val key = SecretKeySpec(ByteArray(32).also(SecureRandom()::nextBytes), "AES")
            held[spec.keystoreAlias] = key
            return key
        }
    }

    private class Agreement : KeyAgreementSpi() {
        private val inner = KeyAgreement.getInstance("ECDH")

        override fun engineInit(key: Key?, random: SecureRandom?) = inner.init(key)

        override fun engineInit(key: Key?, spec: AlgorithmParameterSpec?, random: SecureRandom?) = inner.init(key)

        override fun engineDoPhase(key: Key?, last: Boolean): Key? = inner.doPhase(key, last)

        override fun engineGenerateSecret(): ByteArray = inner.generateSecret()

        override fun engineGenerateSecret(into: ByteArray?, offset: Int) = inner.generateSecret(into, offset)

        override fun engineGenerateSecret(algorithm: String?): SecretKey = inner.generateSecret(algorithm)
    }

    private inner class Store : KeyStoreSpi() {
        override fun engineLoad(stream: InputStream?, password: CharArray?) = Unit

        override fun engineLoad(parameter: java.security.KeyStore.LoadStoreParameter?) = Unit

        override fun engineGetKey(name: String, password: CharArray?): Key? {
            before(name)
            return held[name]
        }

        override fun engineGetCertificate(name: String): Certificate? = publics[name]?.let { public ->
            object : Certificate("test") {
                override fun getEncoded() = ByteArray(0)

                override fun verify(key: PublicKey?) = Unit

                override fun verify(key: PublicKey?, provider: String?) = Unit

                override fun toString() = "of $name"

                override fun getPublicKey() = public
            }
        }

        override fun engineContainsAlias(name: String) = name in held.keys

        override fun engineDeleteEntry(name: String) {
            held.remove(name)
            publics.remove(name)
        }

        override fun engineAliases() = Collections.enumeration(held.keys)

        override fun engineSize() = held.size

        override fun engineIsKeyEntry(name: String) = name in held.keys

        override fun engineIsCertificateEntry(name: String) = false

        override fun engineGetCertificateAlias(certificate: Certificate?): String? = null

        override fun engineGetCertificateChain(name: String?): Array<Certificate>? = null

        override fun engineGetCreationDate(name: String?): Date? = null

        override fun engineSetKeyEntry(name: String?, key: Key?, password: CharArray?, chain: Array<out Certificate>?) =
            throw UnsupportedOperationException()

        override fun engineSetKeyEntry(name: String?, key: ByteArray?, chain: Array<out Certificate>?) =
            throw UnsupportedOperationException()

        override fun engineSetCertificateEntry(name: String?, certificate: Certificate?) = throw UnsupportedOperationException()

        override fun engineStore(stream: OutputStream?, password: CharArray?) = throw UnsupportedOperationException()
    }

    companion object {
        const val NAME = "AndroidKeyStore"
    }
}
