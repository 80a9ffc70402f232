/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder share: the engine of a core, a session, and how a
 * command runs. Private to imap/session; everything here belongs to one core.
 *
 * The life of a command: input.c collects its bytes and hands them to
 * command_take() while they are still where they arrived. The command's begin()
 * reads all of them at once and keeps only what it needs, in a block of a pool.
 * From then on no input is taken until output.c has let the command's step()
 * write its answer and has sent the tagged line. So one command runs at a time,
 * in order (RFC 3501 section 5.5), and the client's next ones wait in its window.
 */
#ifndef WIREMAP_SESSION_ENGINE_H
#define WIREMAP_SESSION_ENGINE_H

#include <assert.h>

#include "arena.h"
#include "pool.h"
#include "session.h"
#include "throttle.h"
#include "wire.h"

enum engine_limits {
	/* A block holds a login, half a command line or the program of an ordinary FETCH. */
	ENGINE_BLOCK_BYTES = 4096,
	/* What begin() keeps of the largest command, per byte of it: "1,3,5," becomes a run of 8
	 * bytes for every two, the names of a section are kept twice. */
	ENGINE_LARGE_PER_COMMAND_BYTE = 5,
	/* One row of an answer that is not FETCH: 128 keywords of 50 bytes, twice, and change. */
	ENGINE_ROW_BYTES_MAX = 20480,
	/* A mailbox name in modified UTF-7, unescaped; and other things of one call. */
	ENGINE_TEMP_BYTES = 16384,
	/* Commands that make no sense before login: no client of ours sends many. */
	SESSION_BAD_MAX = 10,
	SESSION_LOGIN_FAILURES_MAX = 5,
	/* The answer to the first failed login waits so long, each further one twice as long. */
	SESSION_FAILURE_DELAY_MS = 1000,
	/* How long a BYE may stay unsent because the peer does not read: milliseconds. */
	SESSION_BYE_MS = 30000,
	SESSION_FLAGS_TEXT_BYTES = 64, /* "(\Answered \Flagged \Deleted \Seen \Draft" */
	SESSION_LINE_BYTES_MAX = 512,  /* of a greeting or a tagged answer */
};

struct session;
struct command;

/* Text that is written in one run. */
struct session_text {
	uint8_t len;
	char bytes[SESSION_FLAGS_TEXT_BYTES - 1];
};

struct session_engine {
	struct stream_app app; /* first: the transport's handle */
	struct session_config config;
	struct session_env env;
	struct store_reader *reader;
	struct pool sessions;
	struct pool blocks;  /* ENGINE_BLOCK_BYTES: jobs, and buffers of short half commands */
	struct pool buffers; /* command_bytes_max: half-received long commands */
	struct pool larges;  /* jobs of long commands */
	struct throttle throttle;
	struct session_stats stats;
	/* "(\Seen" and so on for each combination of system flags, without the closing one. */
	struct session_text flags[32];
	char greeting[2][SESSION_LINE_BYTES_MAX]; /* [may log in here], without its "* OK " */
	char logged_in[SESSION_LINE_BYTES_MAX];	  /* tagged answer */
	struct wire_day day;
	/* For the length of one call only. */
	uint8_t row[ENGINE_ROW_BYTES_MAX];
	uint8_t temp[ENGINE_TEMP_BYTES];
};

enum session_state {
	SESSION_BEFORE_LOGIN = 1 << 0,
	SESSION_AUTHENTICATED = 1 << 1,
	SESSION_SELECTED = 1 << 2,
};

/* What the next complete line is. */
enum session_expect {
	SESSION_EXPECT_COMMAND,
	SESSION_EXPECT_DONE, /* ends IDLE (RFC 2177) */
	SESSION_EXPECT_SASL, /* base64 of an AUTHENTICATE exchange */
};

struct session {
	struct stream_session stream; /* first: the transport's handle */
	struct session_engine *engine;
	struct stream_transport *transport;
	struct stream_ref ref;
	uint64_t active_ns;	       /* when the client was last heard, or took bytes */
	uint64_t resume_ns;	       /* a delayed answer is due; 0: none */
	const struct command *command; /* running, or NULL */
	void *job;		       /* the running command's block, or NULL */
	const char *answer;	       /* tagged line to send, without the tag */
	const char *refusal;	       /* becomes `answer` when the refused command has passed */
	const char *bye;	       /* text of a BYE to send before closing */
	const char *go_on;	       /* text of a continuation request to send */
	struct store_account *account;
	struct store_view *view;
	struct wire_collector input;
	struct store_wait wait;
	uint32_t args[2]; /* of commands that need no block */
	uint32_t row, row_next, row_off;
	uint8_t peer[16];
	uint8_t state;	/* enum session_state */
	uint8_t expect; /* enum session_expect */
	uint8_t tag_len;
	uint8_t bad_n, failures_n;
	bool may_login; /* under TLS, or plain text is allowed */
	bool job_lent;	/* the job's block is with a worker */
	bool greeted;
	bool unread;  /* the last consume() left bytes with the transport */
	bool ended;   /* the peer sends no more */
	bool leaving; /* LOGOUT: the connection closes behind the tagged answer */
	bool closing; /* nothing is said any more */
	uint8_t tag[WIRE_TAG_BYTES_MAX];
};
static_assert(sizeof(struct session) <= 512, "an idle connection must be small (DESIGN.md 6)");

/* --- How a command runs --- */

enum step {
	STEP_MORE, /* budget or room is spent: call again */
	STEP_WAIT, /* until a wake */
	STEP_END,  /* all is written; session->answer is set */
};

enum command_flag {
	/* Its numbers are sequence numbers: they must be in use, and must stay so: no EXPUNGE may
	 * be sent while it runs (RFC 3501 7.4.1). */
	COMMAND_SEQUENCE = 1 << 0,
	/* Changes mail or mailboxes: parsed in full, refused (docs/decisions.md). */
	COMMAND_CHANGES = 1 << 1,
	/* Is spelled with UID before its name. */
	COMMAND_UID = 1 << 2,
};

enum row {
	ROW_TEXT,  /* the row is in `text`, maybe empty; next comes session->row_next */
	ROW_WAIT,  /* the store wakes session->wait */
	ROW_AGAIN, /* a worker's queue is full: try in a later turn */
	ROW_END,   /* session->answer is set */
};

struct command {
	const char *name;
	uint8_t states; /* where it is allowed, enum session_state */
	uint8_t flags;	/* enum command_flag */
	/*
	 * Reads everything after the name. Returns the tagged answer where there is nothing more
	 * to do, or NULL: then row() or step() is called until the command has ended.
	 */
	const char *(*begin)(struct session *session, struct wire_cursor *cursor);
	/*
	 * Composes row number session->row of the answer. A row that does not fit is composed
	 * again in the next call and its first bytes are left out, so that nothing is kept for a
	 * slow reader but a number: the same session->row must give the same bytes. May set
	 * session->row_next, which is row + 1 otherwise.
	 */
	enum row (*row)(struct session *session, struct wire_text *text);
	/* For commands that are not made of rows: writes for itself. */
	enum step (*step)(struct session *session, struct stream_out *out,
			  const struct stream_budget *budget);
	/* A line that is not a command arrived (session->expect). */
	void (*line)(struct session *session, struct span line);
};

/* The one table (command.c); ends with a name of NULL. */
extern const struct command command_table[];

/* A whole command, from its tag to its line end. */
void command_take(struct session *session, struct span line);
/* A literal is announced: NULL to take it, or the tagged answer that refuses the command. */
const char *command_literal(struct session *session, struct span so_far);
/* Remembers the tag of a command, whole or begun; none: answers are untagged. */
void command_tag_keep(struct session *session, struct wire_cursor *cursor);
/* All up to the next space or the line's end. */
struct span command_word_take(struct wire_cursor *cursor);
/* Gives back what the running command holds; it is not running any more. */
void command_drop(struct session *session);

/* Answers to bad syntax that several commands give. */
extern const char answer_arguments[];
extern const char answer_no_mailbox[];
extern const char answer_not_selectable[];
extern const char answer_busy[];
extern const char answer_block_full[];
extern const char answer_cannot[];
extern const char answer_too_big[];
extern const char answer_unavailable[];

/* --- Things of a session --- */

/* consume() and produce() of stream.h. */
size_t session_consume(struct stream_session *stream, const struct span *in, unsigned in_n);
struct stream_verdict session_produce(struct stream_session *stream, struct stream_out *out,
				      const struct stream_budget *budget);

/* Forgets what was received of a command and gives its buffer back. */
void session_input_reset(struct session *session);

/*
 * Reads a command's arguments into `arena`, whose first object becomes session->job. NULL, the
 * tagged answer, or answer_block_full, which is not for clients.
 */
typedef const char *job_read(struct session *session, struct wire_cursor *cursor,
			     struct arena *arena);
/* Gives the running command a block with what `read` keeps: a small one, or a large one when
 * that is full. NULL or the tagged answer. */
const char *session_job_read(struct session *session, struct wire_cursor *cursor, job_read *read);

/* A block for the running command, of at least `bytes`; NULL: none is free. */
void *session_block_get(struct session_engine *engine, size_t bytes);
void session_block_put(struct session_engine *engine, void *block);

/* Leaves the selected mailbox, if any. */
void session_unselect(struct session *session);
/* Sets the timer for what comes first: a delayed answer or the end of patience. */
void session_timer(struct session *session);
/* Has step() called again after `ms` milliseconds. */
void session_delay(struct session *session, uint32_t ms);
void session_wake(struct session *session);
/* Says BYE as soon as the running command is done, then closes. */
void session_bye(struct session *session, const char *text);
/* Whether the running command waits for a worker, the store or the clock. */
static inline bool session_waits(const struct session *session)
{
	return session->job_lent || session->resume_ns != 0 || session->wait.prev != NULL;
}
static inline uint64_t session_now_ns(const struct session *session)
{
	return session->engine->env.clock->mono_ns;
}

/* --- Mailbox names (mailbox.c) --- */

/*
 * Reads a mailbox name: its number in *number_r. 0; -EINVAL: bad syntax; -ENOENT: no mailbox
 * has that name.
 */
int mailbox_take(struct session *session, struct wire_cursor *cursor, uint32_t *number_r);
/* A string that names a mailbox or a pattern, as UTF-8 in `out`. Its length, or -EINVAL: no name
 * can be spelled like that. */
int mailbox_decode(const struct wire_string *string, uint8_t *out, size_t out_bytes);
/* Writes a name as clients expect it: modified UTF-7, quoted. */
void mailbox_put(struct session *session, struct wire_text *text, struct span name);

/* --- STATUS (cmd_status.c), also an option of LIST (RFC 5819) --- */

/* "(" status-att ... ")". 0 and the items, or -EINVAL. */
int status_items_take(struct wire_cursor *cursor, uint32_t *items_r);
void status_put(struct session *session, struct wire_text *text,
		const struct store_mailbox_info *info, uint32_t items);

/* "CAPABILITY IMAP4rev1 ...", as a response or a response code (cmd_capability.c). */
const char *capability_text(bool logged_in, bool may_login);

#endif
