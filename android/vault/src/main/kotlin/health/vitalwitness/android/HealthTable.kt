package health.vitalwitness.android

import androidx.health.connect.client.records.BloodGlucoseRecord
import androidx.health.connect.client.records.BloodPressureRecord
import androidx.health.connect.client.records.BodyFatRecord
import androidx.health.connect.client.records.BodyTemperatureRecord
import androidx.health.connect.client.records.DistanceRecord
import androidx.health.connect.client.records.HeartRateRecord
import androidx.health.connect.client.records.HeartRateVariabilityRmssdRecord
import androidx.health.connect.client.records.HeightRecord
import androidx.health.connect.client.records.OxygenSaturationRecord
import androidx.health.connect.client.records.Record
import androidx.health.connect.client.records.RespiratoryRateRecord
import androidx.health.connect.client.records.RestingHeartRateRecord
import androidx.health.connect.client.records.SleepSessionRecord
import androidx.health.connect.client.records.StepsRecord
import androidx.health.connect.client.records.WeightRecord
import health.vitalwitness.Kind
import java.math.BigDecimal
import java.math.RoundingMode
import java.time.Duration
import java.time.Instant
import java.time.OffsetDateTime
import java.time.ZoneOffset
import java.time.format.DateTimeFormatter
import kotlin.reflect.KClass

/** The kinds of Health Connect's records that the vault takes. */
val healthRecords: Set<KClass<out Record>> = setOf(
    HeartRateRecord::class, RestingHeartRateRecord::class, HeartRateVariabilityRmssdRecord::class, StepsRecord::class,
    DistanceRecord::class, SleepSessionRecord::class, BloodPressureRecord::class, OxygenSaturationRecord::class,
    BodyTemperatureRecord::class, BloodGlucoseRecord::class, WeightRecord::class, HeightRecord::class, BodyFatRecord::class,
    RespiratoryRateRecord::class,
)

/**
 * Rows of the vault's own table, `code,start,end,value,unit,source,note`, of records of Health Connect.
 * Codes and units are those of [kinds], by the name of the kind.
 */
internal class HealthTable(kinds: List<Kind>, private val zone: (Instant) -> ZoneOffset) {
    private val kinds = kinds.associateBy { it.name }

    /** One row for each value in [record]; none: it holds none that the vault takes. */
    fun rows(record: Record): List<String> = when (record) {
        is HeartRateRecord -> record.samples.map {
            row("heart-rate", it.time, record.startZoneOffset, null, null, it.beatsPerMinute.toString())
        }
        is RestingHeartRateRecord -> moment("resting-heart-rate", record.time, record.zoneOffset, record.beatsPerMinute.toBigDecimal())
        is HeartRateVariabilityRmssdRecord ->
            moment("hrv-rmssd", record.time, record.zoneOffset, number(record.heartRateVariabilityMillis))
        is StepsRecord -> span("steps", record.startTime, record.startZoneOffset, record.endTime, record.endZoneOffset, record.count.toBigDecimal())
        is DistanceRecord ->
            span("distance", record.startTime, record.startZoneOffset, record.endTime, record.endZoneOffset, number(record.distance.inMeters))
        is SleepSessionRecord -> span(
            "sleep", record.startTime, record.startZoneOffset, record.endTime, record.endZoneOffset, asleep(record),
        )
        is BloodPressureRecord -> {
            val value = "${number(record.systolic.inMillimetersOfMercury).toPlainString()}/" +
                number(record.diastolic.inMillimetersOfMercury).toPlainString()
            listOf(row("blood-pressure", record.time, record.zoneOffset, null, null, value))
        }
        is OxygenSaturationRecord -> moment("spo2", record.time, record.zoneOffset, number(record.percentage.value))
        is BodyTemperatureRecord -> moment("temperature", record.time, record.zoneOffset, number(record.temperature.inCelsius))
        is BloodGlucoseRecord -> moment(glucose(record), record.time, record.zoneOffset, number(record.level.inMilligramsPerDeciliter))
        is WeightRecord -> moment("weight", record.time, record.zoneOffset, number(record.weight.inKilograms))
        is HeightRecord -> moment("height", record.time, record.zoneOffset, number(record.height.inMeters * CENTI))
        is BodyFatRecord -> moment("body-fat", record.time, record.zoneOffset, number(record.percentage.value))
        is RespiratoryRateRecord -> moment("respiratory-rate", record.time, record.zoneOffset, number(record.rate))
        else -> emptyList()
    }

    private fun moment(kind: String, at: Instant, offset: ZoneOffset?, value: BigDecimal) =
        listOf(row(kind, at, offset, null, null, value.toPlainString()))

    private fun span(kind: String, from: Instant, offset: ZoneOffset?, to: Instant, end: ZoneOffset?, value: BigDecimal) =
        listOf(row(kind, from, offset, to, end, value.toPlainString()))

    private fun row(name: String, from: Instant, offset: ZoneOffset?, to: Instant?, end: ZoneOffset?, value: String): String {
        val kind = kinds.getValue(name)
        val begin = offset ?: zone(from)
        // one offset for a record: the one it began under
        val until = to?.let { written(it, offset ?: end ?: begin) }.orEmpty()
        return "${kind.code},${written(from, begin)},$until,$value,${kind.unit},file,"
    }

    private fun written(at: Instant, offset: ZoneOffset) = form.format(OffsetDateTime.ofInstant(at, offset))

    /** Minutes asleep: of the stages where there are any, else of the whole. */
    private fun asleep(record: SleepSessionRecord): BigDecimal {
        val stages = record.stages.filter { it.stage in ASLEEP }
        val time = if (record.stages.isEmpty()) {
            Duration.between(record.startTime, record.endTime)
        } else {
            stages.fold(Duration.ZERO) { sum, it -> sum + Duration.between(it.startTime, it.endTime) }
        }
        return time.toMinutes().toBigDecimal()
    }

    private fun glucose(record: BloodGlucoseRecord) = when (record.specimenSource) {
        BloodGlucoseRecord.SPECIMEN_SOURCE_CAPILLARY_BLOOD -> "capillary-glucose-mass"
        BloodGlucoseRecord.SPECIMEN_SOURCE_INTERSTITIAL_FLUID -> "interstitial-glucose"
        else -> "glucose-mass"
    }

    internal companion object {
        const val HEADER = "code,start,end,value,unit,source,note"
        private val form = DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSxxx")
        private val ASLEEP = setOf(
            SleepSessionRecord.STAGE_TYPE_SLEEPING, SleepSessionRecord.STAGE_TYPE_LIGHT,
            SleepSessionRecord.STAGE_TYPE_DEEP, SleepSessionRecord.STAGE_TYPE_REM,
        )
        private const val CENTI = 100.0
        private const val DIGITS = 6

        /** Health Connect keeps binary fractions; what conversion adds behind six digits was never measured. */
        private fun number(value: Double): BigDecimal =
            BigDecimal.valueOf(value).setScale(DIGITS, RoundingMode.HALF_EVEN).stripTrailingZeros()
                .let { if (it.scale() < 0) it.setScale(0) else it }
    }
}
