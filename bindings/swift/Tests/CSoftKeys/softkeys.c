#include "softkeys.h"
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/x509.h>

static EVP_PKEY *pair(const uint8_t *key, size_t length) {
    return d2i_PrivateKey(EVP_PKEY_EC, NULL, &key, (long)length);
}

size_t soft_make(uint8_t *out) {
    EVP_PKEY *made = EVP_EC_gen("P-256");
    int length = i2d_PrivateKey(made, &out);
    EVP_PKEY_free(made);
    return length > 0 ? (size_t)length : 0;
}

size_t soft_public(const uint8_t *key, size_t length, uint8_t *out) {
    EVP_PKEY *own = pair(key, length);
    int size = i2d_PUBKEY(own, &out);
    EVP_PKEY_free(own);
    return size > 0 ? (size_t)size : 0;
}

size_t soft_sign(const uint8_t *key, size_t length, const uint8_t *message, size_t size, uint8_t *out) {
    EVP_PKEY *own = pair(key, length);
    EVP_MD_CTX *signing = EVP_MD_CTX_new();
    size_t signed_size = 128;
    bool done = EVP_DigestSignInit(signing, NULL, EVP_sha256(), NULL, own) == 1 &&
                EVP_DigestSign(signing, out, &signed_size, message, size) == 1;
    EVP_MD_CTX_free(signing);
    EVP_PKEY_free(own);
    return done ? signed_size : 0;
}

bool soft_agree(const uint8_t *key, size_t length, const uint8_t *spki, size_t size, uint8_t *out) {
    EVP_PKEY *own = pair(key, length);
    EVP_PKEY *peer = d2i_PUBKEY(NULL, &spki, (long)size);
    EVP_PKEY_CTX *agreeing = EVP_PKEY_CTX_new(own, NULL);
    size_t agreed = 32;
    bool done = peer && EVP_PKEY_derive_init(agreeing) == 1 && EVP_PKEY_derive_set_peer(agreeing, peer) == 1 &&
                EVP_PKEY_derive(agreeing, out, &agreed) == 1 && agreed == 32;
    EVP_PKEY_CTX_free(agreeing);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(own);
    return done;
}

bool soft_seal(const uint8_t key[32], const uint8_t nonce[12], const uint8_t *context, size_t context_size,
               const uint8_t *secret, size_t size, uint8_t *out) {
    EVP_CIPHER_CTX *sealing = EVP_CIPHER_CTX_new();
    int wrote = 0;
    bool done = EVP_EncryptInit_ex(sealing, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
                EVP_EncryptUpdate(sealing, NULL, &wrote, context, (int)context_size) == 1 &&
                EVP_EncryptUpdate(sealing, out, &wrote, secret, (int)size) == 1 &&
                EVP_EncryptFinal_ex(sealing, out + size, &wrote) == 1 &&
                EVP_CIPHER_CTX_ctrl(sealing, EVP_CTRL_AEAD_GET_TAG, 16, out + size) == 1;
    EVP_CIPHER_CTX_free(sealing);
    return done;
}

bool soft_open(const uint8_t key[32], const uint8_t nonce[12], const uint8_t *context, size_t context_size,
               const uint8_t *sealed, size_t size, uint8_t *out) {
    if (size < 16) return false;
    EVP_CIPHER_CTX *opening = EVP_CIPHER_CTX_new();
    int wrote = 0;
    bool done = EVP_DecryptInit_ex(opening, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
                EVP_DecryptUpdate(opening, NULL, &wrote, context, (int)context_size) == 1 &&
                EVP_DecryptUpdate(opening, out, &wrote, sealed, (int)(size - 16)) == 1 &&
                EVP_CIPHER_CTX_ctrl(opening, EVP_CTRL_AEAD_SET_TAG, 16, (void *)(sealed + size - 16)) == 1 &&
                EVP_DecryptFinal_ex(opening, out + size - 16, &wrote) == 1;
    EVP_CIPHER_CTX_free(opening);
    return done;
}

bool soft_derive(const uint8_t *shared, size_t size, const uint8_t *info, size_t info_size, uint8_t out[32]) {
    EVP_PKEY_CTX *deriving = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    size_t derived = 32;
    bool done = EVP_PKEY_derive_init(deriving) == 1 && EVP_PKEY_CTX_set_hkdf_md(deriving, EVP_sha256()) == 1 &&
                EVP_PKEY_CTX_set1_hkdf_key(deriving, shared, (int)size) == 1 &&
                EVP_PKEY_CTX_add1_hkdf_info(deriving, info, (int)info_size) == 1 &&
                EVP_PKEY_derive(deriving, out, &derived) == 1 && derived == 32;
    EVP_PKEY_CTX_free(deriving);
    return done;
}
