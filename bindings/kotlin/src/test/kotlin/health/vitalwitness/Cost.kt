package health.vitalwitness

import java.io.File
import java.math.BigDecimal
import java.time.Instant
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

/** What a thousand records in one call cost, for `bindings/cost.sh`, which names it: no test by its name. The same calls as `bindings/mobile/examples/cost.rs`. */
class Cost {
    private val start: Instant = Instant.parse("2026-01-01T00:00:00Z")

    @Test
    fun `a thousand records in one call`() = inFolder { folder ->
        val vault = Phone.new(folder).vault
        for (round in 0 until ADDS) vault.addMany(thousand(round))
        var before = cpuMs()
        for (round in ADDS until 2 * ADDS) vault.addMany(thousand(round))
        said("add", cpuMs() - before, ADDS)

        val query = RecordQuery(code = "loinc|8867-4", limit = 1_000u)
        repeat(READS) { assertEquals(RECORDS, vault.records(query).records.size) }
        before = cpuMs()
        repeat(READS) { assertEquals(RECORDS, vault.records(query).records.size) }
        said("read", cpuMs() - before, READS)
    }

    private fun thousand(round: Int): List<NewRecord> = List(RECORDS) { at ->
        val body = Body.Observation("loinc|8867-4", Value.Quantity(BigDecimal(60 + at % 40), "/min"))
        NewRecord(start = start.plusSeconds((round * RECORDS + at).toLong()), offsetMin = 60, body = body, context = null)
    }

    /** User and system time of all threads: fields 14 and 15 of `/proc/self/stat`, in ticks of 10 ms. */
    private fun cpuMs(): Long =
        File("/proc/self/stat").readText().substringAfterLast(')').trim().split(' ').drop(11).take(2).sumOf { it.toLong() } * 10

    private fun said(what: String, ms: Long, calls: Int) = println("cost $what ${ms * 1_000 / calls}")

    private companion object {
        const val RECORDS = 1_000
        const val ADDS = 40
        const val READS = 1_000
    }
}
