/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "buffer.h"
#include "date.h"
#include "progress.h"
#include "source.h"

enum { STOPPED = 1, REFUSED = 2 }; /* what the sink returns to end the walk */

struct sink {
	struct source_sink sink;
	struct store_import *import;
	struct store_error error;
	struct progress progress;
	const char *root; /* the mailbox of what lies in the path itself */
	bool flat;
	bool mailbox_open;
	unsigned mailbox;
	bool identified; /* its messages keep their UIDs */
	struct buffer name, crlf;
	uint64_t added, known, skipped, noted;
	unsigned mailboxes, mailboxes_identified;
	int status; /* of the store, when it refused */
};

static volatile sig_atomic_t stop_asked;

static void stop_ask(int number)
{
	(void)number;
	stop_asked = 1;
}

static void signals_take(void)
{
	struct sigaction action = {.sa_handler = stop_ask, .sa_flags = SA_RESETHAND};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static void skipped(struct source_sink *source, const char *place, const char *why)
{
	struct sink *sink = (struct sink *)source;

	progress_clear(&sink->progress);
	fprintf(stderr, "wiremapctl: skipped %s: %s\n", place, why);
	sink->skipped++;
}

static void noted(struct source_sink *source, const char *place, const char *why)
{
	struct sink *sink = (struct sink *)source;

	progress_clear(&sink->progress);
	fprintf(stderr, "wiremapctl: %s: %s\n", place, why);
	sink->noted++;
}

/* Folders hang under the root's mailbox, or beside it when that is INBOX. */
static bool name_make(struct sink *sink, struct span name)
{
	struct span root = span_of(sink->root);

	sink->name.len = 0;
	if (name.len == 0 || sink->flat)
		return buffer_append(&sink->name, root.ptr, root.len);
	if (!span_eq_fold(root, span_of("INBOX")) &&
	    (!buffer_append(&sink->name, root.ptr, root.len) ||
	     !buffer_append(&sink->name, "/", 1)))
		return false;
	return buffer_append(&sink->name, name.ptr, name.len);
}

static int mailbox(struct source_sink *source, struct span name, uint32_t attributes)
{
	struct sink *sink = (struct sink *)source;
	int number;

	sink->mailbox_open = sink->identified = false;
	if (!name_make(sink, name)) {
		sink->status = -ENOMEM;
		return REFUSED;
	}
	number = store_import_mailbox(sink->import, buffer_span(&sink->name), attributes,
				      &sink->error);
	if (number == -EINVAL) {
		skipped(source, "a folder", sink->error.text);
		return 0;
	}
	if (number < 0) {
		sink->status = number;
		return REFUSED;
	}
	sink->mailbox = (unsigned)number;
	sink->mailbox_open = true;
	sink->mailboxes += (attributes & STORE_NONEXISTENT) == 0;
	return 0;
}

/* Into a mailbox that has UIDs of its own, mail comes with new ones. */
static int identity(struct source_sink *source, const struct store_identity *from,
		    const char *place)
{
	struct sink *sink = (struct sink *)source;
	char why[sizeof(sink->error.text) + 64];

	if (!sink->mailbox_open || sink->flat)
		return 0;
	if (store_import_identity(sink->import, sink->mailbox, from, &sink->error) == 0) {
		sink->identified = true;
		sink->mailboxes_identified++;
		return 0;
	}
	snprintf(why, sizeof(why), "%s: its mail gets new UIDs", sink->error.text);
	noted(source, place, why);
	return 0;
}

static int uidnext(struct source_sink *source, uint32_t uidnext)
{
	struct sink *sink = (struct sink *)source;

	if (sink->identified)
		store_import_uidnext(sink->import, sink->mailbox, uidnext);
	return 0;
}

/* A UID that means something else here: no client may take one message for the other. */
static int identity_drop(struct sink *sink, const char *place)
{
	char why[sizeof(sink->error.text) + 64];

	snprintf(why, sizeof(why), "%s: the mailbox gets a new UIDVALIDITY", sink->error.text);
	noted(&sink->sink, place, why);
	sink->identified = false;
	sink->mailboxes_identified--;
	return store_import_uidvalidity_renew(sink->import, sink->mailbox, &sink->error);
}

static int message(struct source_sink *source, const struct source_message *from)
{
	struct sink *sink = (struct sink *)source;
	struct store_message to = {
		.uid = sink->identified ? from->uid : 0,
		.date = from->date,
		.system = from->system,
		.keywords = from->keywords,
		.keywords_n = from->keywords_n,
	};
	int status;

	if (stop_asked)
		return STOPPED;
	progress_tell(&sink->progress, source->done, source->total, sink->added + sink->known);
	if (!sink->mailbox_open) {
		skipped(source, from->place, "its folder was skipped");
		return 0;
	}
	if (!from->dated && !date_message(from->bytes, &to.date))
		to.date = from->date;
	to.bytes = from->bytes;
	if (!from->verbatim) {
		if (!buffer_crlf(&sink->crlf, from->bytes)) {
			sink->status = -ENOMEM;
			return REFUSED;
		}
		to.bytes = buffer_span(&sink->crlf);
	}
	status = store_import_message(sink->import, sink->mailbox, &to, &sink->error);
	if (status == -EEXIST) {
		status = identity_drop(sink, from->place);
		to.uid = 0;
		if (status == 0)
			status = store_import_message(sink->import, sink->mailbox, &to,
						      &sink->error);
	}
	if (status == -EINVAL || status == -EFBIG) {
		skipped(source, from->place, sink->error.text);
		return 0;
	}
	if (status < 0) {
		sink->status = status;
		return REFUSED;
	}
	sink->added += status == 1;
	sink->known += status == 0;
	return 0;
}

/* One result line on standard output, whatever the end was. */
static int result_tell(struct sink *sink, const char *user, const char *path, int walked,
		       int closed)
{
	progress_clear(&sink->progress);
	printf("%" PRIu64 " messages imported into %u mailboxes of %s, %" PRIu64
	       " were there already, %" PRIu64 " skipped\n",
	       sink->added, sink->mailboxes, user, sink->known, sink->skipped);
	if (sink->mailboxes_identified > 0)
		printf("%u mailboxes kept their UIDs\n", sink->mailboxes_identified);
	if (walked < 0)
		return ctl_fail("%s: %s: see that it is what you named it, and readable", path,
				walked == -ENOENT ? "no mail is there" : strerror(-walked));
	if (walked == REFUSED)
		return ctl_fail("%s", sink->error.text[0] != '\0' ? sink->error.text
								  : strerror(-sink->status));
	if (closed != 0)
		return ctl_fail("%s", sink->error.text);
	if (walked == STOPPED) {
		ctl_fail("stopped: what was imported is safe; run the same again to go on");
		return CTL_STOPPED;
	}
	return sink->skipped > 0 || sink->noted > 0 ? CTL_PARTLY : CTL_OK;
}

static int import_into(struct ctl *ctl, struct store *store, const struct auth_user *user,
		       int (*source)(const char *, const struct source_options *,
				     struct source_sink *))
{
	struct sink sink = {
		.sink = {.mailbox = mailbox,
			 .message = message,
			 .identity = identity,
			 .uidnext = uidnext,
			 .skipped = skipped,
			 .noted = noted},
		.root = ctl->mailbox != NULL ? ctl->mailbox : "INBOX",
		.flat = ctl->flat,
	};
	struct source_options options = {
		.separator = ctl->separator != NULL ? ctl->separator[0] : '.',
		.mboxrd = ctl->mboxrd,
		.flat = ctl->flat,
	};
	struct store_error error;
	uint32_t pending;
	int walked, closed, status;

	status = store_import_open(store, user->account, &sink.import, &error);
	if (status != 0)
		return ctl_fail("%s", error.text);
	progress_start(&sink.progress);
	walked = source(ctl->argument, &options, &sink.sink);
	/* What was refused is told below; closing makes durable what was not. */
	pending = store_import_pending(sink.import);
	closed = store_import_close(&sink.import, walked == REFUSED ? &error : &sink.error);
	if (closed != 0)
		sink.added -= pending < sink.added ? pending : sink.added;
	status = result_tell(&sink, user->name, ctl->argument, walked, closed);
	buffer_free(&sink.name);
	buffer_free(&sink.crlf);
	return status;
}

static int import(struct ctl *ctl,
		  int (*source)(const char *, const struct source_options *, struct source_sink *))
{
	struct auth_user user;
	struct store *store;
	int status;

	if (ctl->user == NULL) {
		ctl_fail("whose mail is it? give --user NAME");
		return CTL_USAGE;
	}
	if (ctl->separator != NULL &&
	    (strlen(ctl->separator) != 1 || ctl->separator[0] == STORE_SEPARATOR)) {
		ctl_fail("--separator takes one character, and not /");
		return CTL_USAGE;
	}
	if (ctl_user_find(ctl, ctl->user, &user) != 0 || ctl_store_open(ctl, &store) != 0)
		return CTL_FAILED;
	signals_take();
	status = import_into(ctl, store, &user, source);
	store_close(&store);
	return status;
}

int import_maildir(struct ctl *ctl)
{
	return import(ctl, source_maildir);
}

int import_mbox(struct ctl *ctl)
{
	return import(ctl, source_mbox);
}

int import_eml(struct ctl *ctl)
{
	return import(ctl, source_eml);
}
