package health.vitalwitness

import java.math.BigDecimal
import java.time.Instant
import java.time.LocalDate
import java.time.ZoneId
import java.time.ZoneOffset
import java.time.ZonedDateTime
import kotlinx.coroutines.flow.toList
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class EntriesTest {
    private val start: Instant = Instant.parse("2026-03-05T08:30:00Z")
    private val some = "ab".repeat(32)

    private fun new(body: Body, context: Context? = null) =
        NewRecord(start = start, offsetMin = 60, body = body, context = context)

    @Test
    fun `an entry of every type comes back as it went in`() = inFolder { folder ->
        val vault = Phone.new(folder).vault
        val text = NoteText.Text("healed well")
        val file = NoteText.File(some, "application/pdf", 4_096u)
        val money = Money(BigDecimal("1250.00"), "EUR")
        val pressure = listOf(
            Component("loinc|8480-6", BigDecimal("128"), "mm[Hg]"),
            Component("loinc|8462-4", BigDecimal("82.50"), "mm[Hg]"),
        )
        val bodies = listOf(
            Body.Observation("loinc|29463-7", Value.Quantity(BigDecimal("82.40"), "kg")),
            Body.Observation("loinc|85354-9", Value.Components(pressure)),
            Body.Observation("vw|mood", Value.Text("calm")),
            Body.Observation("loinc|8637-1", Value.Waveform(some, 900u, BigDecimal("2"), "ms")),
            Body.Medicine("ibuprofen", Dose.Quantity(BigDecimal("400"), "mg"), MedicineStatus.TAKEN),
            Body.Medicine("drops", Dose.Text("three"), MedicineStatus.PLANNED),
            Body.Medicine("aspirin", Dose.Unsaid, MedicineStatus.STOPPED),
            Body.Note("dentistry", text),
            Body.Note("radiology", file),
            Body.Episode("orthopaedics", "left knee"),
            Body.Offer("basic", money, "mo", text),
            Body.Cover("P-77", some, file),
            Body.Claim("dentistry", some, money),
            Body.Decision("dentistry", some, Decision.IN_PART, money),
            Body.Decision("dentistry", some, Decision.REFUSED, null),
        )
        val added = vault.addMany(bodies.map { new(it) })
        added.zip(bodies).forEach { (one, body) ->
            val found = vault.record(one.id)
            assertEquals(body, found.body)
            assertEquals(start, found.start)
            assertEquals(60.toShort(), found.offsetMin)
            assertEquals(Origin.TYPED, found.origin)
        }
        val shown = vault.record(added[0].id).body as Body.Observation
        assertEquals("82.40", (shown.value as Value.Quantity).number.toPlainString())
        assertEquals(setOf(1.toUByte(), 3.toUByte()), vault.counts().map { it.category }.toSet())
        assertEquals(bodies.size.toULong(), vault.status().open)
        val treated = new(bodies[0], Context(episode = added[9].episodeId, notes = mapOf("arm" to "left")))
        val within = vault.add(treated)
        val query = RecordQuery(episode = added[9].episodeId)
        assertEquals(within.id, vault.records(query).records.single().id)
        vault.check()
    }

    @Test
    fun `what is typed is read as people write it, and what cannot be is refused beside its field`() = inFolder { folder ->
        val vault = Phone.new(folder).vault
        val at = ZonedDateTime.of(2026, 3, 5, 9, 30, 0, 0, ZoneId.of("Europe/Berlin"))
        val pressure = typedEntry("blood-pressure", "120/80", at)
        assertEquals(start, pressure.start)
        assertEquals(60.toShort(), pressure.offsetMin)
        assertEquals(listOf("out_of_range"), vault.add(typedEntry("heart-rate", "300", at)).warnings)
        val refusal = refusedWith("pair_needed") { typedEntry("blood-pressure", "120", at) }
        assertEquals("text", (refusal as VaultException.InvalidInput).field)
        refusedWith("name_unknown") { typedEntry("happiness", "1", at) }
        refusedWith("end_before_start") { vault.add(pressure.copy(end = start.minusSeconds(1))) }
        refusedWith("offset_out_of_range") { vault.add(pressure.copy(offsetMin = 2_000)) }
        refusedWith("name_malformed") { vault.record("no hash") }
        refusedWith("not_found") { vault.record(some) }
        assertTrue(kinds().size > 30)
        assertEquals("loinc|8867-4", kinds().first { it.name == "heart-rate" }.code)
    }

    @Test
    fun `a replaced record says by what, one taken back counts no more, an erased one is gone`() = inFolder { folder ->
        val vault = Phone.new(folder).vault
        val at = start.atZone(ZoneOffset.UTC)
        val first = vault.add(typedEntry("weight", "82.4", at))
        val second = vault.replace(first.id, typedEntry("weight", "81.9", at))
        assertEquals(second.id, vault.record(first.id).correctedBy)
        val third = vault.add(typedEntry("weight", "90", at))
        vault.takeBack(third.id, "the neighbour's")
        assertTrue(vault.record(third.id).takenBack)
        val day = LocalDate.of(2026, 3, 5)
        val bar = vault.chart("loinc|29463-7", day, day.plusDays(1), Period.DAY).single()
        assertEquals(1uL to BigDecimal("81.9"), bar.count to bar.least)
        vault.erase(second.id)
        refusedWith("not_found") { vault.record(second.id) }
        val line = vault.records(RecordQuery(withTakeBacks = true)).records
        assertEquals(3, line.size)
    }

    @Test
    fun `charts are summed in the vault by day, week and month`() = inFolder { folder ->
        val vault = Phone.new(folder).vault
        val day = LocalDate.of(2026, 1, 29) // a Thursday
        val records = (0L until 10L).map {
            val at = day.plusDays(it).atTime(12, 0).atZone(ZoneOffset.UTC)
            typedEntry("heart-rate", "${60 + it}", at)
        } + (0L until 10L).map {
            val at = day.plusDays(it).atTime(9, 0).atZone(ZoneOffset.UTC)
            typedEntry("steps", "${1_000 + it}", at).copy(end = at.plusHours(1).toInstant())
        }
        vault.addMany(records)
        suspend fun bars(period: Period) = vault.chart("loinc|8867-4", day, day.plusDays(10), period)
        assertEquals(10, bars(Period.DAY).size)
        val weeks = bars(Period.WEEK)
        assertEquals(listOf("2026-01-26", "2026-02-02"), weeks.map { it.firstDay.toString() })
        assertEquals(listOf(4uL, 6uL), weeks.map { it.count })
        assertEquals(BigDecimal("61.50"), weeks[0].mean)
        val months = bars(Period.MONTH)
        assertEquals(listOf("2026-01-01", "2026-02-01"), months.map { it.firstDay.toString() })
        assertEquals(listOf("60" to "62", "63" to "69"), months.map { "${it.least}" to "${it.greatest}" })
        val steps = kinds().first { it.name == "steps" }
        assertTrue(steps.addsUp)
        val totals = vault.totals(steps.code, day, day.plusDays(10), Period.MONTH)
        assertEquals(listOf("3003", "7042"), totals.map { it.total.toPlainString() })
        assertEquals(listOf(3u, 7u), totals.map { it.days })
        val line = vault.line("loinc|8867-4", records[0].start, records[4].start).single()
        assertEquals(listOf(60.0, 61.0, 62.0, 63.0), line.numbers)
        assertEquals(4, line.starts.size)
    }

    @Test
    fun `a hundred thousand records are paged, each once and newest first`() = inFolder { folder ->
        val vault = Phone.new(folder).vault
        val count = 100_000
        (0 until count).chunked(5_000).forEach { chunk ->
            vault.addMany(chunk.map {
                val body = Body.Observation("loinc|8867-4", Value.Quantity(BigDecimal(50 + it % 60), "/min"))
                NewRecord(start = start.plusSeconds(it.toLong()), offsetMin = 0, body = body)
            })
        }
        var (seen, pages) = 0 to 0
        var last = Instant.MAX
        vault.pages(RecordQuery(code = "loinc|8867-4", limit = 5_000u)).collect { page ->
            page.forEach { record ->
                assertTrue(record.start < last)
                last = record.start
            }
            seen += page.size
            pages += 1
        }
        assertEquals(count to 20, seen to pages)
        refusedWith("limit_invalid") { vault.records(RecordQuery(limit = 0u)) }
        val bars = vault.chart("loinc|8867-4", LocalDate.of(2026, 3, 1), LocalDate.of(2026, 4, 1), Period.DAY)
        assertEquals(count.toULong(), bars.sumOf { it.count })
    }

    @Test
    fun `language and units stay, and only units that convert are taken`() = inFolder { folder ->
        val vault = Phone.new(folder).vault
        assertEquals(Settings(null, emptyMap()), vault.settings())
        val wanted = Settings("pt-BR", mapOf("loinc|29463-7" to "[lb_av]"))
        vault.setSettings(wanted)
        vault.lock()
        assertFalse(vault.isOpen())
        vault.unlock()
        assertEquals(wanted, vault.settings())
        refusedWith("not_found") { vault.setSettings(Settings(null, mapOf("loinc|29463-7" to "Cel"))) }
        val pounds = convertUnit("loinc|29463-7", BigDecimal("82.4"), "kg", "[lb_av]", 1u)
        assertEquals(BigDecimal("181.7"), pounds)
        refusedWith("unit_wrong") { convertUnit("loinc|29463-7", BigDecimal.ONE, "kg", "Cel", 1u) }
        assertEquals("mmHg", unitLabel("mm[Hg]"))
        assertNotEquals("", vault.account())
    }
}
