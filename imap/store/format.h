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
 * F8 Changes of an account are numbered from 1 without a gap, and their modseqs never fall.
 * F9 A change's checksum covers all of it. One whose checksum holds was written so: it is valid,
 *    or this program must not go on; only one whose checksum fails can be a torn tail.
 * F10 Journal G continues checkpoint G and no other. A tail that was cut is gone from the disk
 *    before anything is appended, so what lay behind it cannot come back.
 * L1 A group of a commit log is acknowledged only after its file, and every file written before it
 *    that was not yet synced, was: what a group's `durable` names can be read, or is damaged.
 * L2 A log's file is made under another name, whole, with zeros written; its name is durable before
 *    it is used.
 * L3 A file is taken again only after a free header in it was made durable, and the free header is
 *    written only when all its groups are applied: an old header never stands before new groups.
 * L4 Nothing is written into a block that holds a group already written: a torn write never harms
 *    an acknowledged group.
 * L5 No opening writes on in a file of the one before: what lies behind a cut is never joined to
 *    what comes after it.
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
	FORMAT_LOG_BLOCK_BYTES = 4096, /* a page, and the largest sector: what may tear as one */
	FORMAT_LOG_HEADERS_BYTES = 2 * FORMAT_LOG_BLOCK_BYTES, /* two copies, a block each */
};

#define FORMAT_SEGMENT_BYTES_MIN (UINT64_C(256) << 10)
#define FORMAT_SEGMENT_BYTES_MAX (UINT64_C(256) << 20)

#define FORMAT_MAGIC_VOLUME 0x314c4f56504d4957u	    /* "WIMPVOL1" */
#define FORMAT_MAGIC_CHECKPOINT 0x314b4843504d4957u /* "WIMPCHK1" */
#define FORMAT_MAGIC_SEGMENT 0x31474553504d4957u    /* "WIMPSEG1" */
#define FORMAT_MAGIC_LOG 0x31474f4c504d4957u	    /* "WIMPLOG1" */
#define FORMAT_MAGIC_RECORD 0x43524d57u		    /* "WMRC" */
#define FORMAT_MAGIC_CHANGE 0x47484357u		    /* "WCHG" */
#define FORMAT_MAGIC_JOURNAL 0x314c4e4a504d4957u    /* "WIMPJNL1" */
#define FORMAT_MAGIC_GROUP 0x52474d57u		    /* "WMGR" */

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
	uint32_t prep_version; /* of the meta record; 0: the checkpoint's */
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

/* --- Changes: what one command does to one account; in the commit log and in journals --- */

enum format_change_limits {
	FORMAT_CHANGE_ALIGN = 8,
	FORMAT_CHANGE_BYTES_MAX = 64 << 20,   /* a COPY of a million messages */
	FORMAT_CARRIED_BYTES_MAX = 256 << 10, /* a message the log carries; larger: segment first */
	FORMAT_ENTRY_BYTES_MAX = 1000,	      /* an annotation's name, as a mailbox's */
	FORMAT_ANNOTATION_BYTES_MAX = 64 << 10,
};

/* A header and then the records, each begun at a multiple of 8. */
struct disk_change {
	uint32_t magic;
	uint32_t bytes; /* with this header and all records: a multiple of 8 */
	uint8_t account[16];
	uint64_t number; /* F8 */
	uint64_t modseq; /* 1 to 2^63 - 1 (RFC 7162); what the records touch gets it */
	uint8_t op[16];	 /* the operation's id, or zeros: it has none */
	int64_t time_us; /* the writer's wall clock, since 1970 UTC */
	uint32_t records;
	uint32_t must_understand;
	uint32_t reserved;
	uint32_t crc; /* of the bytes before it, then of the records */
};
static_assert(sizeof(struct disk_change) == 80, "on disk");

enum format_change_type {
	FORMAT_MAILBOX_CREATE = 1,
	FORMAT_MAILBOX_DELETE = 2,
	FORMAT_MAILBOX_RENAME = 3,
	FORMAT_MAILBOX_ATTRIBUTES = 4,
	FORMAT_KEYWORD = 5,
	FORMAT_MESSAGE = 6,
	FORMAT_ADD = 7,
	FORMAT_FLAGS = 8,
	FORMAT_EXPUNGE = 9,
	FORMAT_META_PLACE = 10,
	FORMAT_ANNOTATION = 11,
	FORMAT_QUOTA = 12,
	FORMAT_SEGMENT = 13,
	FORMAT_CHANGE_TYPES
};

/* In a record's must_understand: who does not know the type must not go on. All of version 1's
 * records have it, and no other bit is known. */
#define FORMAT_TYPE_REQUIRED 1u

/* What each record begins with. Texts follow the struct, then zeros up to a multiple of 8. */
struct disk_change_head {
	uint16_t type; /* enum format_change_type */
	uint16_t must_understand;
	uint32_t bytes; /* of the record, this head included: a multiple of 8 */
};
static_assert(sizeof(struct disk_change_head) == 8, "on disk");

/* A mailbox's number is its account's own for ever: at least 1, never used again. */
struct disk_mailbox_create {
	struct disk_change_head head;
	uint32_t mailbox;
	uint32_t attributes; /* enum store_mailbox_attribute */
	uint32_t uidvalidity;
	uint32_t name_bytes; /* the name follows */
	uint8_t mailboxid[16];
};
static_assert(sizeof(struct disk_mailbox_create) == 40, "on disk");

struct disk_mailbox_delete {
	struct disk_change_head head;
	uint32_t mailbox;
	uint32_t reserved;
};
static_assert(sizeof(struct disk_mailbox_delete) == 16, "on disk");

/* With all its inferiors (RFC 3501 6.3.5). */
struct disk_mailbox_rename {
	struct disk_change_head head;
	uint32_t mailbox;
	uint32_t name_bytes; /* the name follows */
};
static_assert(sizeof(struct disk_mailbox_rename) == 16, "on disk");

struct disk_mailbox_attributes {
	struct disk_change_head head;
	uint32_t mailbox;
	uint32_t attributes; /* all of them, as they are now */
};
static_assert(sizeof(struct disk_mailbox_attributes) == 16, "on disk");

struct disk_keyword {
	struct disk_change_head head;
	uint32_t mailbox;
	uint16_t bit;	     /* below STORE_KEYWORDS_MAX */
	uint16_t name_bytes; /* the name follows */
};
static_assert(sizeof(struct disk_keyword) == 16, "on disk");

/* Where a message's mail record lies; of a mid that has a place already, its new one. */
struct disk_message {
	struct disk_change_head head;
	uint64_t mid;
	uint32_t segment; /* the N of mail.N */
	uint32_t off;	  /* of the record, a multiple of 64 */
	uint32_t length;  /* of the message */
	uint32_t carried; /* how many of its bytes follow: all of them, or 0 */
	uint8_t emailid[16];
};
static_assert(sizeof(struct disk_message) == 48, "on disk");

/* A row of a mailbox. Its UID is above all that the mailbox ever had. */
struct disk_add {
	struct disk_change_head head;
	uint32_t mailbox;
	uint32_t uid;
	uint64_t mid;
	int64_t utc_s;	 /* INTERNALDATE */
	int64_t saved_s; /* SAVEDATE */
	uint64_t keywords[2];
	uint32_t size;
	uint16_t system; /* enum store_flag */
	int16_t zone_min;
};
static_assert(sizeof(struct disk_add) == 64, "on disk");

/* All rows whose UIDs lie in [first, last], as many as there are, have these flags now. */
struct disk_flags_run {
	uint32_t first, last;
	uint64_t keywords[2];
	uint16_t system;
	uint16_t reserved16;
	uint32_t reserved;
};
static_assert(sizeof(struct disk_flags_run) == 32, "on disk");

struct disk_flags {
	struct disk_change_head head;
	uint32_t mailbox;
	uint32_t runs_n; /* at least 1; the runs rise and do not overlap */
	struct disk_flags_run runs[];
};
static_assert(sizeof(struct disk_flags) == 16, "on disk");

/* Likewise: all rows with UIDs in [first, last] are gone. */
struct disk_uid_run {
	uint32_t first, last;
};
static_assert(sizeof(struct disk_uid_run) == 8, "on disk");

struct disk_expunge {
	struct disk_change_head head;
	uint32_t mailbox;
	uint32_t runs_n;
	struct disk_uid_run runs[];
};
static_assert(sizeof(struct disk_expunge) == 16, "on disk");

/* Where a message's derived bytes lie. It may come in a later change, and again. */
struct disk_meta_place {
	struct disk_change_head head;
	uint64_t mid;
	uint32_t segment; /* the N of meta.N */
	uint32_t off;
	uint32_t length;
	uint32_t prep_version;
};
static_assert(sizeof(struct disk_meta_place) == 32, "on disk");

/* RFC 5464. The entry follows, in lower case, and then the value. */
struct disk_annotation {
	struct disk_change_head head;
	uint32_t mailbox; /* 0: the account's */
	uint32_t entry_bytes;
	uint32_t value_bytes;
	uint32_t exists; /* 1; or 0: there is no value (any more) */
};
static_assert(sizeof(struct disk_annotation) == 24, "on disk");

#define FORMAT_QUOTA_NONE UINT64_MAX

struct disk_quota {
	struct disk_change_head head;
	uint64_t bytes_max; /* FORMAT_QUOTA_NONE: no limit */
	uint64_t messages_max;
};
static_assert(sizeof(struct disk_quota) == 24, "on disk");

/* A segment begins: the file is there, with its header. Records that go to it come later. */
struct disk_segment_begin {
	struct disk_change_head head;
	uint32_t kind; /* enum format_kind */
	uint32_t number;
	uint64_t capacity; /* as in its header; at most 4 GiB */
};
static_assert(sizeof(struct disk_segment_begin) == 24, "on disk");

/* --- Journals: `journal.G`, this header and then changes, of which no message is carried --- */

struct disk_journal {
	uint64_t magic;
	uint32_t version;
	uint32_t must_understand;
	uint8_t account[16];
	uint64_t generation;	 /* the G of the name, and of the checkpoint it continues */
	uint64_t first;		 /* number of its first change: the checkpoint holds those below */
	uint32_t checkpoint_crc; /* that checkpoint's `crc`; 0 in generation 0: there is none */
	uint8_t reserved[8];
	uint32_t crc; /* of the bytes before it */
};
static_assert(sizeof(struct disk_journal) == 64, "on disk");

/* --- The commit log: files `log.W.N` of a volume, writer W's Nth --- */

/* At 0, and again at 4096: one of them is enough. */
struct disk_log_header {
	uint64_t magic;
	uint32_t version;
	uint32_t must_understand;
	uint8_t volume[16]; /* its id */
	uint32_t writer;
	uint32_t before;     /* CRC of the group before the first, 0: there was none */
	uint64_t file_bytes; /* a multiple of 4096 */
	uint64_t generation; /* grows with every header written by this writer */
	uint64_t salt;	     /* random: that of every group which belongs to this header */
	uint64_t first;	     /* LSN of the first group; 0: the file is free */
	uint64_t durable;    /* as a group's, when this was written */
	uint64_t applied;    /* likewise */
	uint32_t cipher;     /* reserved: 0, plain text */
	uint32_t key;	     /* reserved: key id, 0. (salt, LSN) is unique: it will be the nonce. */
	uint8_t reserved[28];
	uint32_t crc; /* of the bytes before it */
};
static_assert(sizeof(struct disk_log_header) == 128, "on disk");

/* A group: this, the body, zeros up to a multiple of 4096. */
struct disk_log_group {
	uint32_t magic;
	uint32_t bytes; /* of the body */
	uint64_t salt;
	uint64_t lsn;	  /* one more than the group before */
	uint64_t durable; /* highest LSN known to be durable when this was written */
	uint64_t applied; /* up to which nothing need be read again, likewise */
	uint32_t changes; /* in the body */
	uint16_t must_understand;
	uint16_t cipher; /* reserved: 0, plain text */
	uint32_t reserved[2];
	uint32_t head_crc; /* of the bytes before it: what stands behind damage still says `durable`
			    */
	uint32_t crc;	   /* of the bytes before it, then of the body; begun with the crc of the
			      group before, in a file's first with the header's */
};
static_assert(sizeof(struct disk_log_group) == 64, "on disk");

#endif
