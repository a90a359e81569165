package health.vitalwitness.android

import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

class VersionsTest {
    private val android = File(System.getProperty("vw.root"), "android")
    private val pom = android.resolve("vault/pom.xml").readText()

    @Test
    fun the_catalogue_of_gradle_has_the_versions_that_were_compiled_here() {
        val catalogue = Regex("""^([a-z-]+) = "([^"]+)"""", RegexOption.MULTILINE)
            .findAll(android.resolve("gradle/libs.versions.toml").readText().substringBefore("[libraries]"))
            .associate { it.groupValues[1] to it.groupValues[2] }
        val here = Regex("""<([a-z-]+)\.version>([^<]+)</""").findAll(pom).associate { it.groupValues[1] to it.groupValues[2] }
        val both = catalogue.keys.intersect(here.keys)
        assertTrue("$both", both.containsAll(setOf("kotlin", "coroutines", "jna", "androidx-core", "work", "health-connect")))
        both.forEach { assertEquals(it, here[it], catalogue[it]) }
        assertEquals(Regex("<min.sdk>(\\d+)<").find(pom)!!.groupValues[1], catalogue["min-sdk"])
        assertEquals(Regex("<compile.sdk>(\\d+)<").find(pom)!!.groupValues[1], catalogue["compile-sdk"])
    }

    @Test
    fun the_same_kotlin_binds_on_the_jvm_and_on_android() {
        val jvm = File(System.getProperty("vw.root"), "bindings/kotlin/pom.xml").readText()
        for (name in listOf("kotlin", "coroutines")) {
            val version = Regex("<$name.version>([^<]+)<")
            assertEquals(name, version.find(jvm)!!.groupValues[1], version.find(pom)!!.groupValues[1])
        }
    }
}
