package health.vitalwitness

import java.nio.file.Files
import java.nio.file.Path
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The generated interface, as it is recorded in `api.txt`: a change of it is a decision. */
class ApiTest {
    private val generated = Path.of(System.getProperty("vw.work"), "generated/health/vitalwitness/vitalwitness.kt")
    private val recorded = repository.resolve("bindings/kotlin/api.txt")

    private val type = Regex("""^(?:public )?(data class|sealed class|enum class|interface|typealias) (\w+)(.*)""")
    private val nested = Regex("""^ {4}(?:data )?(?:class|object) (\w+)""")
    private val function = Regex("""^\s*(?:\*/ *)?(?:public )?(?:fun|suspend fun) `\w+`\(.*""")
    private val field = Regex("""^\s*va[lr] `(\w+)`: (.*?),?\s*$""")
    private val entry = Regex("""^\s{4}([A-Z][A-Z0-9_]+)[,;]""")

    /** Types, their fields and entries, functions: one line each, sorted. */
    private fun api(): List<String> {
        val found = sortedSetOf<String>()
        var (within, variant) = "" to ""
        for (line in Files.readAllLines(generated)) {
            type.find(line)?.let {
                val (kind, name, rest) = it.destructured
                within = if ("niffi" in name || "Ffi" in name || name == "Disposable") "-" else name
                variant = ""
                if (within != "-") found += if (kind == "typealias") "$kind $name$rest" else "$kind $name"
            }
            if (line == "}") within = ""
            if (within == "-") continue
            nested.find(line)?.let { if (within.isNotEmpty()) variant = "." + it.groupValues[1] }
            if (variant.isNotEmpty() && within.isNotEmpty()) found += "$within$variant"
            field.find(line)?.let { if (within.isNotEmpty()) found += "$within$variant.${it.groupValues[1]}: ${it.groupValues[2]}" }
            entry.find(line)?.let { if (within.isNotEmpty()) found += "$within.${it.groupValues[1]}" }
            if (function.matches(line)) {
                val signature = line.trim().removePrefix("*/").removeSuffix("{").replace("`", "").replace("kotlin.", "").replace(" : ", ": ").trim()
                found += "${within.ifEmpty { "-" }} $signature"
            }
        }
        return found.toList()
    }

    @Test
    fun `the interface is the one that is recorded`() {
        val now = api().joinToString("\n", postfix = "\n")
        if (System.getenv("VW_WRITE_API") == "1") recorded.toFile().writeText(now)
        val hint = "an app sees this change: docs/bindings.md, upgrades; then VW_WRITE_API=1 make test-kotlin"
        assertEquals(Files.readString(recorded), now, hint)
    }

    @Test
    fun `every function of the interface is called here`() {
        val names = api().mapNotNull { Regex("""fun (\w+)\(""").find(it)?.groupValues?.get(1) }.toSet()
        assertTrue(names.size > 85, "${names.size}")
        val sources = Files.list(repository.resolve("bindings/kotlin/src/test/kotlin/health/vitalwitness")).use { files ->
            files.filter { !it.endsWith("ApiTest.kt") }.map(Files::readString).toList().joinToString("\n")
        }
        assertEquals(emptyList<String>(), names.filter { !Regex("\\b$it\\(").containsMatchIn(sources) })
    }

    @Test
    fun `every code is in the table of the documentation, and the table has no other`() {
        val page = Files.readString(repository.resolve("docs/bindings.md"))
        val rows = Regex("""^\| `(\w+)` \|""", RegexOption.MULTILINE).findAll(page).map { it.groupValues[1] }.toList()
        assertEquals(everyCode(), rows)
    }
}
