package health.vitalwitness

import java.io.File
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse.BodyHandlers
import java.nio.file.Files
import java.nio.file.Path
import java.time.Instant
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.withTimeout
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.fail

/** Where the build put the programs, and where the repository is. */
val programs: Path = Path.of(System.getProperty("vw.library"))
val repository: Path = Path.of(System.getProperty("vw.root"))

/** A folder that goes with the test. */
fun inFolder(work: suspend (Path) -> Unit) {
    val folder = Files.createTempDirectory("vw")
    try {
        kotlinx.coroutines.runBlocking(kotlinx.coroutines.Dispatchers.Default) { work(folder) }
    } finally {
        folder.toFile().deleteRecursively()
    }
}

/** Runs [work], which must be refused with [code]; returns the refusal. */
suspend fun refusedWith(code: String, work: suspend () -> Any?): VaultException {
    try {
        work()
    } catch (refusal: VaultException) {
        assertEquals(code, refusal.code)
        return refusal
    }
    fail("was not refused with $code")
}

/** A phone: its key store, and the vault on it. */
class Phone(val keys: SoftKeyStore, val vault: Vault, val kit: RecoveryKit, val folder: Path) {
    suspend fun confirmKit() {
        val words = kit.words().split(' ')
        vault.confirmKit(vault.askedWords().map { words[it.toInt() - 1] })
    }

    suspend fun typed(name: String, text: String, at: Instant = Instant.now()): Added =
        vault.add(typedEntry(name, text, at, 60))

    /** Syncs until nothing is left to do and the log has all that is sealed. */
    suspend fun syncAll(): SyncReport = withTimeout(60.seconds) {
        var report: SyncReport
        do {
            report = vault.sync(60_000u, Network(metered = false, lowData = false))
            assertEquals(null, report.retryAt, "the cloud is to be waited for")
            val status = vault.status()
        } while (!report.done || status.queued + status.stored > 0uL)
        report
    }

    companion object {
        suspend fun new(folder: Path, cloud: CloudSettings? = null): Phone {
            val keys = SoftKeyStore()
            val made = createVault("$folder/vault", cloud?.log, keys, limits)
            if (cloud != null) made.vault.connect(cloud, null)
            return Phone(keys, made.vault, made.kit, folder)
        }
    }
}

val limits = KeyLimits(quietMs = 10_000u, presenceMs = 20_000u)

/** A cloud and a witness as processes of their own, on ports that the system picks. */
class Site(private val folder: Path) : AutoCloseable {
    private val services = mutableListOf<Process>()
    val url: String

    init {
        val cloud = folder.resolve("cloud.toml").toFile()
        val witness = folder.resolve("witness.toml").toFile()
        val settings = "listen = \"127.0.0.1:0\"\ndata = \"$folder/cloud\"\norigin = \"kotlin.test/log\"\n"
        cloud.writeText(settings)
        val key = printedKey("vitalwitness-cloud", cloud)
        witness.writeText(
            "listen = \"127.0.0.1:0\"\ndata = \"$folder/witness\"\nname = \"witness.kotlin.test\"\nlogs = [\"$key\"]\n",
        )
        val vkey = printedKey("vitalwitness-witness", witness)
        val at = start("vitalwitness-witness", witness)
        cloud.writeText("quorum = 1\n$settings\n[[witness]]\nurl = \"$at\"\nvkey = \"$vkey\"\n")
        url = start("vitalwitness-cloud", cloud)
    }

    suspend fun settings() = fetchCloud(url)

    /** A one-time code for the first person of a new clinic. */
    fun clinicCode(): String {
        val token = folder.resolve("cloud/operator.token").toFile().readText().trim()
        val request = HttpRequest.newBuilder(URI("$url/v1/operator/organisations"))
            .header("Authorization", "Bearer $token").header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString("""{"name":"Seehof Clinic","role":"provider"}"""))
        val answer = HttpClient.newHttpClient().send(request.build(), BodyHandlers.ofString()).body()
        return Json.parseToJsonElement(answer).jsonObject.getValue("code").jsonPrimitive.content
    }

    /** The clinic's own program, in its own folder. */
    fun clinic(vararg args: String): Answer {
        val process = ProcessBuilder(listOf("$programs/vitalwitness") + args + "--json")
            .directory(folder.toFile()).redirectError(folder.resolve("clinic.err").toFile())
        process.environment() += mapOf(
            "VW_HOME" to "$folder/clinic", "VW_PASSPHRASE" to "a clinic's passphrase", "VW_TEST_ARGON" to "least",
        )
        val running = process.start()
        val text = running.inputStream.bufferedReader().readText()
        val exit = running.waitFor()
        return Answer(exit, text.ifBlank { "null" }.let(Json::parseToJsonElement), folder.resolve("clinic.err").toFile())
    }

    class Answer(val exit: Int, val json: JsonElement, private val error: File) {
        fun done(): JsonObject {
            assertEquals(0, exit) { error.readText() }
            return json.jsonObject
        }
    }

    private fun printedKey(program: String, config: File): String {
        val process = ProcessBuilder("$programs/$program", "--config", config.path, "--print-key")
        process.redirectError(folder.resolve("print.err").toFile())
        return process.start().inputStream.bufferedReader().readText().trim()
    }

    private fun start(program: String, config: File): String {
        val builder = ProcessBuilder("$programs/$program", "--config", config.path)
        builder.environment()["VW_LOG"] = "info"
        builder.redirectOutput(ProcessBuilder.Redirect.DISCARD)
        val process = builder.start()
        services += process
        val heard = LinkedBlockingQueue<String>()
        Thread {
            // it ends with the process
            runCatching { process.errorStream.bufferedReader().forEachLine { line ->
                val fields = Json.parseToJsonElement(line).jsonObject["fields"]?.jsonObject
                val says = fields?.get("message")?.jsonPrimitive?.content.orEmpty()
                if (says.endsWith("listening")) heard += fields!!.getValue("addr").jsonPrimitive.content
            } }
        }.apply { isDaemon = true }.start()
        return "http://" + (heard.poll(30, TimeUnit.SECONDS) ?: fail("$program did not start"))
    }

    override fun close() {
        services.asReversed().forEach { it.destroy() }
        services.forEach { it.waitFor(10, TimeUnit.SECONDS) || it.destroyForcibly().isAlive }
    }
}
