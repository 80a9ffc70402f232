/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mailboxes. The store knows accounts, mailboxes, UIDs, flags, modseqs and
 * immutable messages; it knows no IMAP syntax, and no name in this header is a
 * path, descriptor, segment or map, so that other back ends fit under it.
 *
 * Every read that may touch a disk is asynchronous: it returns 0 with the result,
 * or -EAGAIN after it has linked the caller's `struct store_wait`, whose woken()
 * is called once, on the caller's core, when it is worth asking again.
 *
 * A `struct store_reader` belongs to one dataplane core. What it hands out is
 * counted on that core without atomics. Spans from store_mail() and store_meta()
 * are good until the end of the produce() call they were asked in
 * (store_reader_release()), never across loop turns.
 */
#ifndef WIREMAP_STORE_H
#define WIREMAP_STORE_H

#include "log.h"
#include "span.h"
#include "work.h"

enum store_limits {
	STORE_NAME_BYTES_MAX = 1000, /* a mailbox's full name, UTF-8; as Dovecot and Cyrus allow */
	STORE_DEPTH_MAX = 32,	     /* levels of hierarchy in a name */
	STORE_KEYWORDS_MAX = 128,    /* per mailbox: bits in an index record */
	STORE_KEYWORD_BYTES_MAX = 50,
	STORE_MAILBOXES_MAX = 100000,	      /* per account */
	STORE_MESSAGE_BYTES_MAX = 0x7fffffff, /* a message; mime.h has 32-bit offsets */
};

/* The highest UIDVALIDITY taken from elsewhere: what an account gives out itself is higher than
 * all it has seen, and must not run out. As a time, which most servers use, it is 2097. */
#define STORE_UIDVALIDITY_KEPT_MAX 0xefffffffu

#define STORE_SEPARATOR '/'

/* What went wrong, for people: names the file, the place and the remedy. */
struct store_error {
	char text[512];
};

enum store_flag { /* system flags (RFC 3501 2.3.2) */
		  STORE_SEEN = 1 << 0,
		  STORE_ANSWERED = 1 << 1,
		  STORE_FLAGGED = 1 << 2,
		  STORE_DELETED = 1 << 3,
		  STORE_DRAFT = 1 << 4,
};

struct store_flags {
	uint32_t system;      /* enum store_flag */
	uint64_t keywords[2]; /* bit k: keyword number k of the mailbox */
};

enum store_mailbox_attribute {
	STORE_NOSELECT = 1 << 0, /* only a name that others hang under */
	STORE_SUBSCRIBED = 1 << 1,
	/* special use, RFC 6154 */
	STORE_USE_ALL = 1 << 2,
	STORE_USE_ARCHIVE = 1 << 3,
	STORE_USE_DRAFTS = 1 << 4,
	STORE_USE_FLAGGED = 1 << 5,
	STORE_USE_JUNK = 1 << 6,
	STORE_USE_SENT = 1 << 7,
	STORE_USE_TRASH = 1 << 8,
	/* The name itself does not exist (any more) but is subscribed (RFC 3501 6.3.9). */
	STORE_NONEXISTENT = 1 << 9,
};

/* --- Opening --- */

struct store;

struct store_config {
	const char *const *volumes; /* directories, each on ext4, XFS or tmpfs */
	unsigned volumes_n;
	uint64_t segment_bytes_max; /* 0: 256 MiB */
	struct log *log;
	/*
	 * Makes the derived part of a message (see mime.h), opaque to the store. Called on
	 * worker threads and by tools. Returns 0 and bytes borrowed until the next call on the
	 * same `preparer`, or -errno. `version` goes into every file of derived data.
	 */
	uint32_t prepare_version;
	void *(*preparer_create)(void);
	void (*preparer_destroy)(void **preparer);
	int (*prepare)(void *preparer, struct span message, struct span *derived_r);
};

/* Takes the volumes' locks. 0; -EBUSY: another process serves this volume; -EINVAL or other
 * -errno with a text. Control thread. */
int store_open(const struct store_config *config, struct store **store_r,
	       struct store_error *error_r);
void store_close(struct store **store);

/* --- Reading, on a dataplane core --- */

struct store_reader;
struct store_account; /* counted per core */
struct store_view;    /* one mailbox at one moment; counted per core */

/* A caller that waits. Embedded in a session; woken at most once per -EAGAIN. */
struct store_wait {
	void (*woken)(struct store_wait *wait);
	struct store_wait *next, **prev; /* the store's; prev NULL: not waiting */
};

/* `work` carries what blocks. `jobs_max` bounds jobs under way. NULL: no memory. */
struct store_reader *store_reader_create(struct store *store, struct work_port *work,
					 unsigned jobs_max);
/* Every account and view must have been put. Jobs under way keep what they need until done(). */
void store_reader_destroy(struct store_reader **reader);
/*
 * Ends the life of every span handed out; the engine calls it after each produce(), before what
 * was produced leaves. 0; -EIO: the disk lost a page while spans were read: bytes produced since
 * the last call may be zeros, and the connection must be closed without sending them.
 */
int store_reader_release(struct store_reader *reader);

#define STORE_READER_COUNTERS(X)                                                                   \
	X(accounts_opened)                                                                         \
	X(accounts_dropped)                                                                        \
	X(views_opened)                                                                            \
	X(segments_opened)                                                                         \
	X(segments_dropped)                                                                        \
	X(chunks_warmed)                                                                           \
	X(waits)                                                                                   \
	X(busy)                                                                                    \
	X(failures)                                                                                \
	X(records_damaged)                                                                         \
	X(pages_lost)

struct store_reader_stats {
#define STORE_READER_COUNTER_FIELD(name) uint64_t name;
	STORE_READER_COUNTERS(STORE_READER_COUNTER_FIELD)
#undef STORE_READER_COUNTER_FIELD
	/* now */
	uint64_t accounts, accounts_idle, accounts_idle_bytes, segments, segments_bytes;
};
void store_reader_stats(const struct store_reader *reader, struct store_reader_stats *stats_r);
/* Takes a waiter off whatever it waits for; does nothing when it does not wait. */
void store_wait_cancel(struct store_wait *wait);

/* 0 and a counted account; -EAGAIN; -ENOENT; -EIO (damaged; logged); -EBUSY: too many jobs. */
int store_account_get(struct store_reader *reader, const uint8_t uuid[16], struct store_wait *wait,
		      struct store_account **account_r);
void store_account_put(struct store_account **account);

struct store_mailbox_info {
	struct span name; /* UTF-8 (NFC not enforced), hierarchy by STORE_SEPARATOR; borrowed from
			     the account */
	uint32_t attributes;   /* enum store_mailbox_attribute */
	uint8_t mailboxid[16]; /* RFC 8474, never changes */
	uint32_t uidvalidity;
	uint32_t uidnext;
	uint64_t highestmodseq;
	uint32_t messages, unseen, deleted, recent;
	uint64_t size;	       /* sum of message sizes, bytes (RFC 8438) */
	uint64_t size_deleted; /* of those with \Deleted */
};

/* Mailboxes are numbered 0..n-1 sorted by name byte for byte, INBOX first, and so that all
 * inferiors of a name follow it (STORE_SEPARATOR sorts lowest). */
unsigned store_mailbox_count(const struct store_account *account);
void store_mailbox_info(const struct store_account *account, unsigned number,
			struct store_mailbox_info *info_r);
/* The number, or -ENOENT. INBOX is found in any case (RFC 3501 5.1). */
int store_mailbox_find(const struct store_account *account, struct span name);

/* 0 and a counted view; -EAGAIN; -EIO; -ENOENT. */
int store_view_get(struct store_reader *reader, struct store_account *account, unsigned number,
		   struct store_wait *wait, struct store_view **view_r);
void store_view_put(struct store_view **view);

/* The state of the mailbox the view was taken from. */
void store_view_info(const struct store_view *view, struct store_mailbox_info *info_r);

/* Messages are numbered 0..n-1 by rising UID: sequence number minus one. */
uint32_t store_view_count(const struct store_view *view);
uint32_t store_view_uid(const struct store_view *view, uint32_t index);
/* Index of the first message whose UID is >= `uid`; n when there is none. O(log n). */
uint32_t store_view_lower_bound(const struct store_view *view, uint32_t uid);
uint32_t store_view_size(const struct store_view *view, uint32_t index); /* RFC822.SIZE */
struct store_date {
	int64_t utc_s;	  /* seconds since 1970-01-01 UTC */
	int16_t zone_min; /* of the INTERNALDATE as it was given, minutes east of UTC */
};
struct store_date store_view_date(const struct store_view *view, uint32_t index);
int64_t store_view_savedate(const struct store_view *view, uint32_t index); /* RFC 8514, UTC s */
uint64_t store_view_modseq(const struct store_view *view, uint32_t index);
void store_view_flags(const struct store_view *view, uint32_t index, struct store_flags *flags_r);
void store_view_emailid(const struct store_view *view, uint32_t index, uint8_t id_r[16]);

/* Keyword number k's name, ASCII; empty when there is none. Borrowed from the view. */
unsigned store_view_keyword_count(const struct store_view *view);
struct span store_view_keyword(const struct store_view *view, unsigned k);

/*
 * The derived bytes of a message (what `prepare` made). 0 and a span; -EAGAIN: cold, `wait` is
 * linked; -EBUSY: too many jobs, ask in a later turn; -EIO: damaged or lost (counted, logged).
 */
int store_meta(struct store_reader *reader, struct store_view *view, uint32_t index,
	       struct store_wait *wait, struct span *derived_r);

/* Tells the CPU that store_meta() of this message follows soon, and what lies first in its derived
 * bytes is read: rows of a listing lie apart, and each would wait for memory. Any index. */
void store_meta_prefetch(const struct store_view *view, uint32_t index);

/*
 * Message bytes from `off` on: at least one byte, up to `len`, maybe fewer (the caller asks
 * again for the rest). Errors as store_meta; -EINVAL when off is at or past the end.
 */
int store_mail(struct store_reader *reader, struct store_view *view, uint32_t index, uint32_t off,
	       uint32_t len, struct store_wait *wait, struct span *bytes_r);

/* --- Importing, offline: tools that hold the volume's lock. One thread. --- */

struct store_import;

/* Opens (or makes) an account for adding mail. -EBUSY is told by store_open. */
int store_import_open(struct store *store, const uint8_t uuid[16], struct store_import **import_r,
		      struct store_error *error_r);
/* Makes durable what was added (checkpoint) and closes. The import is gone also on error. */
int store_import_close(struct store_import **import, struct store_error *error_r);
/* Makes durable what was added so far. A kill after it loses nothing of it. */
int store_import_commit(struct store_import *import, struct store_error *error_r);
/* How many messages were added since the last commit: those a failure now would lose. */
uint32_t store_import_pending(const struct store_import *import);

/* Number of the mailbox, made (with its parents) if missing. -EINVAL: bad name; -ENOSPC. */
int store_import_mailbox(struct store_import *import, struct span name, uint32_t attributes,
			 struct store_error *error_r);

/* What clients know a mailbox by, where its mail comes from. */
struct store_identity {
	uint32_t uidvalidity;	  /* 1 to STORE_UIDVALIDITY_KEPT_MAX */
	const uint8_t *mailboxid; /* 16 bytes; NULL: none, ours stays */
};

/*
 * Gives a mailbox that has never had a UID that identity; a MAILBOXID that another mailbox of the
 * account has is not taken. 0: the UIDVALIDITY is now, or was already, the mailbox's, and messages
 * may be added with their UIDs. -EEXIST: it has UIDs under another one, and keeps it; -EINVAL: out
 * of bounds. Both with a text.
 */
int store_import_identity(struct store_import *import, unsigned mailbox,
			  const struct store_identity *identity, struct store_error *error_r);
/* No UID below `uidnext` will be given out any more; UIDs that rise must have been added before. */
void store_import_uidnext(struct store_import *import, unsigned mailbox, uint32_t uidnext);
/* A new UIDVALIDITY of ours: its UIDs stay, but clients forget what they knew of it. 0 or -errno
 * with a text. */
int store_import_uidvalidity_renew(struct store_import *import, unsigned mailbox,
				   struct store_error *error_r);

struct store_message {
	struct span bytes; /* stored as they are */
	uint32_t uid;	   /* 0: the mailbox's next; else store_import_identity() was 0 */
	struct store_date date;
	uint32_t system; /* enum store_flag */
	const struct span *keywords;
	unsigned keywords_n;
};

/*
 * 1: added; 0: this run has now seen as many copies of these bytes for this mailbox as it
 * already held before the run (so importing the same source twice adds nothing); -errno.
 * With a UID: 0 when these bytes have it already; -EEXIST with a text, and nothing added, when that
 * cannot be their UID: other bytes have it, or had it, or these bytes have another.
 */
int store_import_message(struct store_import *import, unsigned mailbox,
			 const struct store_message *message, struct store_error *error_r);

/* --- Checking, offline, likewise --- */

struct store_check {
	/* Told of everything that is wrong, one line each. */
	void (*found)(struct store_check *check, const char *text);
	uint64_t accounts, mailboxes, messages, bytes, faults;
};

/*
 * Reads all of an account: every checksum, every invariant of its files, every counter; that each
 * message has the EMAILID of its bytes and the derived bytes that `prepare` makes of it today. Adds
 * to the check's sums. 0, however many faults there were; -ENOENT; -ENOMEM.
 */
int store_account_check(struct store *store, const uint8_t uuid[16], struct store_check *check);

/* Calls `each` for the accounts of all volumes until it returns non-zero, and returns that. -errno
 * with a text: a directory cannot be read. */
int store_accounts_each(struct store *store, int (*each)(const uint8_t uuid[16], void *arg),
			void *arg, struct store_error *error_r);

/* Removes an account's files. -ENOENT: there were none. */
int store_account_remove(struct store *store, const uint8_t uuid[16], struct store_error *error_r);

#endif
