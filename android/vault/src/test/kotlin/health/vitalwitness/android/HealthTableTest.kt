package health.vitalwitness.android

import android.app.Application
import androidx.health.connect.client.records.BloodPressureRecord
import androidx.health.connect.client.records.HeartRateRecord
import androidx.health.connect.client.records.StepsRecord
import androidx.health.connect.client.records.WeightRecord
import androidx.health.connect.client.records.metadata.Metadata
import androidx.health.connect.client.units.Mass
import androidx.health.connect.client.units.Pressure
import androidx.test.core.app.ApplicationProvider
import health.vitalwitness.Body
import health.vitalwitness.KeyLimits
import health.vitalwitness.Origin
import health.vitalwitness.RecordQuery
import health.vitalwitness.Value
import health.vitalwitness.createVault
import health.vitalwitness.kinds
import health.vitalwitness.wallClock
import java.security.Security
import java.security.Signature
import java.time.Instant
import java.time.ZoneOffset
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34])
class HealthTableTest {
    @get:Rule
    val folder = TemporaryFolder()
    private val app = ApplicationProvider.getApplicationContext<Application>()

    @After
    fun takeTheChipAway() = Security.removeProvider(PhoneKeystore.NAME)

    @Test
    fun the_real_vault_takes_each_row_once_with_its_digits_and_as_of_a_file() = runBlocking(Dispatchers.Default) {
        PhoneKeystore().install()
        val nobody = object : Presence {
            override suspend fun confirm(signature: Signature?) = Unit
        }
        val table = HealthTable(kinds()) { ZoneOffset.UTC }
        val rows = listOf(
            WeightRecord(AT, ZoneOffset.ofHours(1), Mass.kilograms(82.4), Metadata.manualEntry()),
            StepsRecord(AT, ZoneOffset.UTC, AT.plusSeconds(600), ZoneOffset.UTC, 1_250, Metadata.manualEntry()),
            BloodPressureRecord(
                AT, null, Metadata.manualEntry(), Pressure.millimetersOfMercury(120.0), Pressure.millimetersOfMercury(80.0), 0, 0,
            ),
            HeartRateRecord(
                AT, ZoneOffset.UTC, AT.plusSeconds(60), ZoneOffset.UTC,
                listOf(HeartRateRecord.Sample(AT, 61), HeartRateRecord.Sample(AT.plusSeconds(5), 62)), Metadata.manualEntry(),
            ),
        ).flatMap { table.rows(it) }
        val file = folder.root.resolve("page.csv").apply { writeText((listOf(HealthTable.HEADER) + rows).joinToString("\r\n", postfix = "\r\n")) }
        val made = createVault(folder.root.resolve("vault").path, null, AndroidKeyStore(app, nobody), KeyLimits(5_000u, 5_000u))
        made.vault.use { vault ->
            val first = vault.importFile(file.path, ZoneOffset.UTC.wallClock(), null, null)
            assertEquals("${first.skipped}", 5uL to 0uL, first.added to first.duplicates)
            val again = vault.importFile(file.path, ZoneOffset.UTC.wallClock(), null, null)
            assertEquals(0uL to 5uL, again.added to again.duplicates)
            val weight = vault.records(RecordQuery(code = "loinc|29463-7")).records.single()
            val value = (weight.body as Body.Observation).value as Value.Quantity
            assertEquals("82.4" to "kg", value.number.toPlainString() to value.unit)
            assertEquals(Origin.VENDOR_FILE, weight.origin)
            assertEquals(AT to 60.toShort(), weight.start to weight.offsetMin)
        }
    }

    private companion object {
        val AT: Instant = Instant.parse("2026-03-01T07:00:00Z")
    }
}
