/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct checking {
	struct store *store;
	struct store_check check;
};

/* The report is the command's result: standard output. */
static void found(struct store_check *check, const char *text)
{
	(void)check;
	puts(text);
}

static int account_check(const uint8_t uuid[16], void *arg)
{
	struct checking *checking = arg;
	int status = store_account_check(checking->store, uuid, &checking->check);

	/* A directory without a checkpoint: an account was being made, or removed. */
	return status == -ENOENT ? 0 : status;
}

int check(struct ctl *ctl)
{
	struct checking checking = {.check = {.found = found}};
	struct store_error error = {""};
	struct auth_user user;
	int status;

	if ((ctl->user != NULL && ctl_user_find(ctl, ctl->user, &user) != 0) ||
	    ctl_store_open(ctl, &checking.store) != 0)
		return CTL_FAILED;
	if (ctl->user != NULL)
		status = store_account_check(checking.store, user.account, &checking.check);
	else
		status = store_accounts_each(checking.store, account_check, &checking, &error);
	store_close(&checking.store);
	if (status == -ENOENT && ctl->user != NULL)
		return ctl_fail("%s has no mail yet", user.name);
	if (status != 0)
		return ctl_fail("%s", error.text[0] != '\0' ? error.text : strerror(-status));
	printf("%" PRIu64 " accounts, %" PRIu64 " mailboxes, %" PRIu64 " messages, %" PRIu64
	       " bytes checked: %" PRIu64 " faults\n",
	       checking.check.accounts, checking.check.mailboxes, checking.check.messages,
	       checking.check.bytes, checking.check.faults);
	return checking.check.faults == 0 ? CTL_OK : CTL_FAILED;
}
