/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes on disk, format version 1; docs/format.md tells the same in words. Everything is
 * little-endian and naturally aligned, so a mapped file is read through these structs as it is.
 * Foreign until checked: nothing here may be trusted before its CRC32C and its bounds were.
 *
 * Crash invariants (assertions and tests cite the numbers):
 * F1 What a checkpoint references was made durable before the checkpoint was renamed into place.
 * F2 A checkpoint is never changed once it has its name; the next one replaces it by rename.
 * F3 Bytes of a segment past `used`, and files no checkpoint names, are garbage of a killed
 *    import: the next one overwrites or removes them.
 * F4 Bytes of a segment below `used` never change.
 * F5 UIDs of a mailbox rise and stay below its uidnext; mids are at least 1 and below mid_next.
 * F6 The records of a segment stand in rising order of mid, and all its mids lie between the
 *    segment's mid_first and mid_last.
 * F7 In a checkpoint the tables come first, then the columns: a reader takes the tables in one run.
 */
#ifndef WIREMAP_STORE_FORMAT_H
#define WIREMAP_STORE_FORMAT_H

#include <assert.h>
#include <stdint.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are read as they are mapped");

enum format_limits {
	FORMAT_VERSION = 1,
	FORMAT_PIECE_BYTES = 16384, /* a CRC32C covers as much: a TLS record's worth */
	FORMAT_RECORD_ALIGN = 64,   /* a cache line: a blob's first bytes come in one load */
	FORMAT_CHUNK_MESSAGES = 256,
	FORMAT_SEGMENTS_MAX = 1 << 20, /* per account: 256 TiB of the largest */
};

#define FORMAT_SEGMENT_BYTES_MIN (UINT64_C(256) << 10)
#define FORMAT_SEGMENT_BYTES_MAX (UINT64_C(256) << 20)

#define FORMAT_MAGIC_VOLUME 0x314c4f56504d4957u	    /* "WIMPVOL1" */
#define FORMAT_MAGIC_CHECKPOINT 0x314b4843504d4957u /* "WIMPCHK1" */
#define FORMAT_MAGIC_SEGMENT 0x31474553504d4957u    /* "WIMPSEG1" */
#define FORMAT_MAGIC_RECORD 0x43524d57u		    /* "WMRC" */

enum format_kind { FORMAT_MAIL = 1, FORMAT_META = 2 };

/* In every header: bits a reader must know to read on. Version 1 knows none. */
#define FORMAT_UNDERSTOOD 0u

/* The file `volume`; its flock is the lock of the volume. */
struct disk_volume {
	uint64_t magic;
	uint32_t version;
	uint32_t must_understand;
	uint8_t id[16];
	int64_t created_s;
	uint8_t reserved[20];
	uint32_t crc; /* of the bytes before it */
};
static_assert(sizeof(struct disk_volume) == 64, "on disk");

/* --- Segments: `mail.N` and `meta.N` --- */

struct disk_segment_header {
	uint64_t magic;
	uint32_t version;
	uint32_t must_understand;
	uint8_t account[16];
	uint32_t kind; /* enum format_kind */
	uint32_t number;
	uint64_t capacity; /* bytes the file may grow to, this header included */
	uint8_t reserved[12];
	uint32_t crc; /* of the bytes before it */
};
static_assert(sizeof(struct disk_segment_header) == 64, "on disk");

/*
 * A record: this header, a disk_piece per 16 KiB of payload, zeros up to a multiple of 64, the
 * payload, zeros up to a multiple of 64.
 */
struct disk_record {
	uint32_t magic;
	uint16_t kind; /* enum format_kind */
	uint16_t must_understand;
	uint64_t mid;
	uint32_t length;       /* of the payload */
	uint32_t pieces;       /* length / 16384, rounded up */
	uint32_t prep_version; /* meta: of the program that derived the payload; mail: 0 */
	uint16_t cipher;       /* 0: plain text */
	uint16_t reserved16;
	uint8_t reserved[28];
	uint32_t crc; /* of the bytes before it, then of the pieces */
};
static_assert(sizeof(struct disk_record) == 64, "on disk");

struct disk_piece {
	uint32_t crc;	   /* of the piece's bytes as they lie in the file */
	uint32_t key;	   /* reserved: key id, 0 */
	uint8_t nonce[12]; /* reserved, 0 */
	uint8_t tag[16];   /* reserved, 0 */
	uint32_t reserved; /* 0 */
};
static_assert(sizeof(struct disk_piece) == 40, "on disk");

/* --- The file `checkpoint` --- */

/* A run of bytes of the checkpoint, and their CRC32C. */
struct disk_extent {
	uint64_t off; /* a multiple of 64 */
	uint64_t len;
	uint32_t crc;
	uint32_t reserved;
};
static_assert(sizeof(struct disk_extent) == 24, "on disk");

struct disk_checkpoint {
	uint64_t magic;
	uint32_t version;
	uint32_t must_understand;
	uint8_t account[16];
	uint64_t file_bytes;
	uint64_t generation; /* how many checkpoints this account has had */
	uint64_t modseq;     /* the highest given out in the account */
	uint64_t mid_next;
	uint32_t uidvalidity_next; /* given to the next mailbox */
	uint32_t prep_version;	   /* of all derived data here */
	uint32_t mailboxes;
	uint32_t segments;
	struct disk_extent mailbox_table; /* disk_mailbox[mailboxes], in the order of names */
	struct disk_extent strings;	  /* names and keywords, no terminators */
	struct disk_extent segment_table; /* disk_segment[segments] */
	struct disk_extent mid_table;	  /* disk_mid[mid_next - 1]: mid m is entry m - 1 */
	struct disk_extent emailid_table; /* 16 bytes for each mid */
	uint8_t reserved[52];
	uint32_t crc; /* of the bytes before it */
};
static_assert(sizeof(struct disk_checkpoint) == 256, "on disk");

/* A run of bytes of `strings`. */
struct disk_string {
	uint32_t off;
	uint32_t len;
};
static_assert(sizeof(struct disk_string) == 8, "on disk");

/* Counters first: STATUS reads one run of these. */
struct disk_mailbox {
	uint32_t messages, unseen, deleted, recent;
	uint32_t uidvalidity, uidnext;
	uint64_t highestmodseq;
	uint64_t size, size_deleted;
	uint32_t attributes; /* enum store_mailbox_attribute */
	uint32_t must_understand;
	uint8_t mailboxid[16];
	struct disk_string name;
	uint32_t keywords; /* how many; their disk_strings lie at the head of `columns` */
	uint32_t reserved32;
	struct disk_extent columns; /* struct store_columns in checkpoint.h */
	uint8_t reserved[16];
};
static_assert(sizeof(struct disk_mailbox) == 128, "on disk");

struct disk_segment {
	uint32_t kind;
	uint32_t number; /* the file's */
	uint64_t used;	 /* bytes that count, a multiple of 64 */
	uint64_t capacity;
	uint64_t mid_first, mid_last; /* F6; 0 and 0 when it holds none */
};
static_assert(sizeof(struct disk_segment) == 40, "on disk");

/* Where a message lies. Slots are places in the segment table; offsets are of the record. */
struct disk_mid {
	uint32_t references; /* index records that name it; 0: free */
	uint32_t mail_slot;
	uint32_t mail_off;
	uint32_t mail_len; /* of the payload: RFC822.SIZE */
	uint32_t meta_slot;
	uint32_t meta_off;
	uint32_t meta_len;
	uint32_t reserved;
};
static_assert(sizeof(struct disk_mid) == 32, "on disk, half a cache line");

/* 256 messages' mutable columns. Unused places are zero. */
struct disk_chunk {
	uint64_t modseq_max; /* of the chunk: CHANGEDSINCE passes over those below */
	uint8_t reserved[56];
	uint64_t modseq[FORMAT_CHUNK_MESSAGES];
	uint64_t keywords[FORMAT_CHUNK_MESSAGES][2];
	uint16_t system[FORMAT_CHUNK_MESSAGES]; /* enum store_flag */
};
static_assert(sizeof(struct disk_chunk) == 6720, "on disk");

#endif
