package health.vitalwitness

import java.time.Instant
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class WayOfARecordTest {
    @Test
    fun `a typed value is sealed, synced with a real cloud, and its receipt holds`() = inFolder { folder ->
        Site(folder).use { site ->
            val cloud = site.settings()
            val phone = Phone.new(folder, cloud)
            val added = phone.typed("heart-rate", "62")
            refusedWith("kit_not_confirmed") { phone.syncAll() }
            phone.confirmKit()
            refusedWith("not_logged") { phone.vault.receipt(added.id, Disclosure.Whole) }
            assertEquals(1u, phone.vault.seal(SealWhich.ALL))
            phone.syncAll()
            val receipt = phone.vault.receipt(added.id, Disclosure.Whole)
            assertTrue(verifyReceipt(receipt, null, cloud.trust) is Verdict.Holds)
            assertEquals(added.id, receiptFacts(receipt, cloud.trust).record)
            val changed = receipt.clone().also { it[it.size / 2] = (it[it.size / 2] + 1).toByte() }
            assertTrue(verifyReceipt(changed, null, cloud.trust) is Verdict.Refused)
            phone.vault.lock()
            refusedWith("locked") { phone.vault.record(added.id) }
            phone.vault.unlock()
            val found = phone.vault.records(RecordQuery(limit = 10u)).records.single()
            assertEquals(Stage.WITNESSED, found.stage)
            assertEquals(Body.Observation("loinc|8867-4", Value.Quantity("62".toBigDecimal(), "/min")), found.body)
            assertTrue(found.start <= Instant.now())
        }
    }
}
