/* SPDX-License-Identifier: Apache-2.0 */
#include "export.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl.h"
#include "progress.h"
#include "reading.h"
#include "wire.h"

enum { STOPPED = 1 };

static volatile sig_atomic_t stop_asked;

static void stop_ask(int number)
{
	(void)number;
	stop_asked = 1;
}

struct exporting {
	const struct export_form *form;
	struct export export;
	struct reading *reading;
	struct progress progress;
	struct buffer bytes;
	uint64_t exported, total, damaged;
	unsigned mailboxes;
};

int export_level(struct buffer *to, struct span level, char separator)
{
	size_t room = 4 * level.len + 1;
	int n;

	if (!buffer_reserve(to, room))
		return -ENOMEM;
	n = wire_utf7_encode(level, to->bytes + to->len, room);
	if (n <= 0)
		return -EINVAL;
	to->len += (size_t)n;
	if (level.ptr[0] == '.' || memchr(level.ptr, separator, level.len) != NULL ||
	    (level.len >= sizeof(FOLDERS_PLACEHOLDER) - 1 &&
	     memcmp(level.ptr, FOLDERS_PLACEHOLDER, sizeof(FOLDERS_PLACEHOLDER) - 1) == 0))
		return -EINVAL;
	return 0;
}

/* --- One mailbox --- */

/* A damaged message is left out and told; the rest goes on. */
static int message_export(struct exporting *exporting, uint32_t index)
{
	struct export *export = &exporting->export;
	int status;

	if (stop_asked)
		return STOPPED;
	progress_tell(&exporting->progress, exporting->exported, exporting->total,
		      exporting->exported);
	status = reading_message(exporting->reading, index, &exporting->bytes);
	if (status == -EIO || status == -ENOENT) {
		progress_clear(&exporting->progress);
		ctl_fail("%.*s: UID %u is damaged and left out; see `wiremapctl check`",
			 (int)export->info.name.len, (const char *)export->info.name.ptr,
			 store_view_uid(export->view, index));
		exporting->damaged++;
		return 0;
	}
	if (status != 0)
		return status;
	export->index = index;
	export->message = buffer_span(&exporting->bytes);
	status = exporting->form->message(export);
	exporting->exported += status == 0;
	return status;
}

static int messages_export(struct exporting *exporting)
{
	struct export *export = &exporting->export;
	struct store_view *view;
	int status = reading_mailbox(exporting->reading, export->number, &view);

	if (status != 0)
		return status;
	export->view = view;
	exporting->mailboxes++;
	status = exporting->form->place(export, &export->place);
	if (status == 0)
		status = exporting->form->begin(export);
	for (uint32_t k = 0; k < store_view_count(view) && status == 0; k++)
		status = message_export(exporting, k);
	if (status == 0)
		status = exporting->form->end(export);
	return status;
}

static int mailbox_export(struct exporting *exporting, unsigned number)
{
	struct export *export = &exporting->export;
	struct folders_line line;
	int status = 0;

	export->number = number;
	store_mailbox_info(reading_account(exporting->reading), number, &export->info);
	if ((export->info.attributes & (STORE_NOSELECT | STORE_NONEXISTENT)) == 0)
		status = messages_export(exporting);
	line.place = span_of(export->place != NULL ? export->place : "-");
	line.name = export->info.name;
	line.attributes = export->info.attributes;
	if (status == 0 && !folders_append(&export->folders, &line))
		status = -ENOMEM;
	free(export->place);
	export->place = NULL;
	export->view = NULL;
	return status;
}

/* --- The account --- */

static int mailboxes_export(struct exporting *exporting)
{
	struct export *export = &exporting->export;
	unsigned mailboxes = store_mailbox_count(reading_account(exporting->reading));
	int status = folders_begin(&export->folders) ? 0 : -ENOMEM;

	for (unsigned k = 0; k < mailboxes; k++) {
		struct store_mailbox_info info;

		store_mailbox_info(reading_account(exporting->reading), k, &info);
		exporting->total += info.messages;
	}
	progress_start(&exporting->progress);
	for (unsigned k = 0; k < mailboxes && status == 0; k++)
		status = mailbox_export(exporting, k);
	if (status == 0)
		status = exporting->form->finish(export);
	if (status == 0)
		status = target_file(&export->target, FOLDERS_FILE,
				     buffer_span(&export->folders.text), NULL);
	progress_clear(&exporting->progress);
	return status;
}

static int result_tell(const struct ctl *ctl, const struct exporting *exporting, int status)
{
	if (status == STOPPED) {
		ctl_fail("stopped: nothing is left of it");
		return CTL_STOPPED;
	}
	if (status != 0)
		return ctl_fail("%s: %s", ctl->argument,
				status == -EEXIST ? "there is something of that name already: "
						    "export to a new one"
						  : strerror(-status));
	printf("%" PRIu64 " messages in %u mailboxes of %s exported to %s, %" PRIu64 " left out\n",
	       exporting->exported, exporting->mailboxes, ctl->user, ctl->argument,
	       exporting->damaged);
	return exporting->damaged > 0 ? CTL_PARTLY : CTL_OK;
}

static int export_from(struct ctl *ctl, const struct export_form *form,
		       const struct auth_user *user, struct store *store)
{
	struct exporting exporting = {.form = form, .export = {.file = -1}};
	struct export *export = &exporting.export;
	int status = reading_open(store, user->account, &exporting.reading);

	if (status != 0)
		return ctl_fail("%s: %s", ctl->user,
				status == -ENOENT ? "has no mail yet"
						  : "its mailboxes cannot be read; see "
						    "`wiremapctl check`");
	status = target_begin(&export->target, ctl->argument);
	if (status == 0) {
		status = mailboxes_export(&exporting);
		if (export->file >= 0)
			close(export->file);
		if (status == 0)
			status = target_end(&export->target);
		else
			target_drop(&export->target);
	}
	status = result_tell(ctl, &exporting, status);
	reading_close(&exporting.reading);
	folders_free(&export->folders);
	buffer_free(&export->lines);
	buffer_free(&export->text);
	buffer_free(&export->extras);
	buffer_free(&export->lists);
	buffer_free(&exporting.bytes);
	return status;
}

static int export_as(struct ctl *ctl, const struct export_form *form)
{
	struct sigaction action = {.sa_handler = stop_ask, .sa_flags = SA_RESETHAND};
	struct auth_user user;
	struct store *store;
	int status;

	if (ctl_user_find(ctl, ctl->user, &user) != 0 || ctl_store_open(ctl, &store) != 0)
		return CTL_FAILED;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	status = export_from(ctl, form, &user, store);
	store_close(&store);
	return status;
}

int export_maildir(struct ctl *ctl)
{
	return export_as(ctl, &export_maildir_form);
}

int export_mbox(struct ctl *ctl)
{
	return export_as(ctl, &export_mbox_form);
}
