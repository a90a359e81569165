package health.vitalwitness

import java.io.ByteArrayOutputStream
import java.util.HexFormat
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

/** Receipts, bundles and completeness proofs, judged through the binding as in every other language. */
class VectorsTest {
    private fun cases(file: String): List<JsonObject> {
        val text = repository.resolve("tests/vectors/$file.json").toFile().readText()
        return Json.parseToJsonElement(text).jsonObject.getValue("cases").jsonArray.map { it.jsonObject }
    }

    /** A member that is bytes: hex, or its parts in order: hex, [hex, count], [id, from, to] of another case. */
    private fun List<JsonObject>.bytes(input: JsonObject, member: String): ByteArray? {
        input["${member}_fill"]?.jsonArray?.let { (byte, count) -> return filled(byte.text(), count.text().toInt()) }
        val value = input[member] ?: return null
        if (value !is JsonArray) return HexFormat.of().parseHex(value.text())
        val out = ByteArrayOutputStream()
        for (part in value) {
            when {
                part !is JsonArray -> out.write(HexFormat.of().parseHex(part.text()))
                part.size == 2 -> out.write(filled(part[0].text(), part[1].text().toInt()))
                else -> {
                    val whole = bytes(input(part[0].text()), member)!!
                    out.write(whole, part[1].text().toInt(), part[2].text().toInt() - part[1].text().toInt())
                }
            }
        }
        return out.toByteArray()
    }

    private fun List<JsonObject>.input(id: String) = first { it["id"]!!.text() == id }.getValue("input").jsonObject

    /** A trust given as text is that of the case of that name. */
    private fun List<JsonObject>.trust(input: JsonObject): String {
        val trust = input.getValue("trust")
        return if (trust is JsonObject) trust.toString() else trust(input(trust.text()))
    }

    private fun filled(hex: String, count: Int): ByteArray {
        val one = HexFormat.of().parseHex(hex)
        return ByteArray(one.size * count) { one[it % one.size] }
    }

    private fun JsonElement.text() = jsonPrimitive.content

    private fun check(case: JsonObject, verdict: Verdict) {
        val (expect, id) = case.getValue("expect").jsonObject to case.getValue("id").toString()
        val json = when (verdict) {
            is Verdict.Holds -> verdict.json
            is Verdict.Refused -> verdict.json
        }
        assertEquals("facts" in expect, verdict is Verdict.Holds, id)
        val told = Json.parseToJsonElement(json).jsonObject
        if (verdict is Verdict.Holds) {
            assertEquals(expect["facts"], told["facts"], id)
        } else {
            assertEquals(expect.getValue("reject"), told["reject"], id)
        }
    }

    private fun judge(files: List<String>, verdict: (List<JsonObject>, JsonObject) -> Verdict?): Int =
        files.sumOf { file ->
            val cases = cases(file)
            cases.count { case -> verdict(cases, case.getValue("input").jsonObject)?.also { check(case, it) } != null }
        }

    @Test
    fun `every receipt is judged as its vector says`() {
        val judged = judge(listOf("receipt", "receipt-more")) { cases, input ->
            verifyReceipt(cases.bytes(input, "receipt")!!, cases.bytes(input, "disclosure"), cases.trust(input))
        }
        assertEquals(310, judged)
    }

    @Test
    fun `every bundle is judged as its vector says`() {
        val judged = judge(listOf("bundle")) { cases, input ->
            verifyBundle(cases.bytes(input, "bundle")!!, cases.trust(input))
        }
        assertEquals(203, judged)
    }

    @Test
    fun `every completeness proof is judged as its vector says`() {
        // what has no proof in it is of a channel's head alone
        val judged = judge(listOf("completeness", "completeness-more")) { cases, input ->
            cases.bytes(input, "proof")?.let { verifyCompleteness(it, cases.trust(input)) }
        }
        assertEquals(54 + 139, judged)
    }
}
