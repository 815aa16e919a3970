/* The last steps of every stream's frame in one call: header, transport encryption, send.
 *
 * Python does them, too (direct.py), a datagram and three calls at a time. Here a slot's frames go out without the
 * interpreter and without its lock. The ciphers are libsodium's, which PyNaCl carries: their addresses are handed in.
 * batched.py is the other side of this file; a change of `struct way` is one of its class `_Way`, too.
 *
 * Sources: RFC 3550, section 5.1; Discord, Voice Connections, "Voice Packet Structure" and "Transport Encryption Modes";
 * libsodium, crypto_aead_aes256gcm.h and crypto_aead_xchacha20poly1305.h (both seals have this shape).
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum { HEADER = 12, TAG = 16, COUNTER = 4, NONCE = 24, KEY = 512, MOST_FRAME = 4000, SAMPLES_PER_FRAME = 960 };

typedef int seal(unsigned char *sealed, unsigned char *tag, unsigned long long *tag_length, const unsigned char *frame,
                 unsigned long long length, const unsigned char *header, unsigned long long header_length,
                 const unsigned char *unused, const unsigned char *nonce, const void *key);

struct way {
    unsigned char key[KEY]; /* AES: expanded, and aligned to 16 bytes. */
    seal *encrypt;
    uint64_t datagrams, refused, unreached;
    uint32_t ssrc, timestamp;
    uint16_t sequence;
    int fd;
};

/* For the other side to see that both mean the same. */
unsigned way_bytes(void) { return sizeof(struct way); }

static void put32(unsigned char *place, uint32_t number) {
    place[0] = number >> 24, place[1] = number >> 16, place[2] = number >> 8, place[3] = number;
}

/* Send `count` frames, which lie one behind the other: one over each way, which may be there several times. */
void send_all(struct way **ways, const unsigned char *frames, const uint32_t *lengths, int count) {
    unsigned char datagram[HEADER + MOST_FRAME + TAG + COUNTER];
    for (int number = 0; number < count; frames += lengths[number], number++) {
        struct way *way = ways[number];
        uint32_t length = lengths[number];
        if (number + 1 < count)
            for (int line = 0; line < KEY; line += 64) /* The next one's has gone from the caches since its last slot. */
                __builtin_prefetch(ways[number + 1]->key + line);
        if (way->datagrams > UINT32_MAX) { /* No counter twice under one key. */
            way->refused++;
            continue;
        }
        unsigned char nonce[NONCE] = {0}; /* AES takes the first 12 bytes of it. */
        put32(nonce, (uint32_t)way->datagrams++);
        datagram[0] = 0x80, datagram[1] = 0x78;
        datagram[2] = way->sequence >> 8, datagram[3] = way->sequence;
        put32(datagram + 4, way->timestamp);
        put32(datagram + 8, way->ssrc);
        way->sequence++;
        way->timestamp += SAMPLES_PER_FRAME;
        if (length > MOST_FRAME) {
            way->refused++;
            continue;
        }
        unsigned char *sealed = datagram + HEADER, *tag = sealed + length;
        way->encrypt(sealed, tag, 0, frames, length, datagram, HEADER, 0, nonce, way->key);
        memcpy(tag + TAG, nonce, COUNTER);
        if (send(way->fd, datagram, HEADER + length + TAG + COUNTER, MSG_DONTWAIT) < 0) {
            way->refused++;
            way->unreached += errno == ECONNREFUSED;
        }
    }
}
