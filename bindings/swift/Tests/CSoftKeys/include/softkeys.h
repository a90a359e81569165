// Keys in memory for tests: the algorithms of a phone's key store, by OpenSSL.
// Sizes are in bytes; 0 or false: it was refused.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A new P-256 key in DER; `out` holds 256.
size_t soft_make(uint8_t *out);
/// Its public half: SPKI in DER; `out` holds 128.
size_t soft_public(const uint8_t *key, size_t length, uint8_t *out);
/// ECDSA over SHA-256, in DER; `out` holds 128.
size_t soft_sign(const uint8_t *key, size_t length, const uint8_t *message, size_t size, uint8_t *out);
/// The x coordinate of ECDH with `spki`; `out` holds 32.
bool soft_agree(const uint8_t *key, size_t length, const uint8_t *spki, size_t size, uint8_t *out);
/// AES-256-GCM; `out` holds size + 16.
bool soft_seal(const uint8_t key[32], const uint8_t nonce[12], const uint8_t *context, size_t context_size,
               const uint8_t *secret, size_t size, uint8_t *out);
/// Opens it; `size` counts the tag, `out` holds size - 16.
bool soft_open(const uint8_t key[32], const uint8_t nonce[12], const uint8_t *context, size_t context_size,
               const uint8_t *sealed, size_t size, uint8_t *out);
/// HKDF-SHA-256 without salt.
bool soft_derive(const uint8_t *shared, size_t size, const uint8_t *info, size_t info_size, uint8_t out[32]);
