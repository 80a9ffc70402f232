/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "privileges.h"

static char user[] = "nobody", group[] = "nogroup";
static char users_path[] = "/tmp/wiremap-privileges-XXXXXX";
static struct config_error error;

static void test_names_are_looked_up(void **state)
{
	struct wiremap_config config = {.path = users_path, .user = user, .group = group};
	struct privileges found;

	(void)state;
	assert_int_equal(privileges_find(&config, &found, &error), 0);
	assert_int_equal(found.uid, 65534);
	assert_int_equal(found.gid, 65534);
	config.group = NULL;
	assert_int_equal(privileges_find(&config, &found, &error), 0);
	config.user = NULL;
	assert_int_equal(privileges_find(&config, &found, &error), 0);
	assert_null(found.name);
	assert_int_equal(found.uid, geteuid());

	config.user = (char[]){"no-such-user-here"};
	assert_int_equal(privileges_find(&config, &found, &error), -EINVAL);
	assert_non_null(strstr(error.text, "no-such-user-here"));
	config.user = user;
	config.group = (char[]){"no-such-group-here"};
	assert_int_equal(privileges_find(&config, &found, &error), -EINVAL);
	assert_non_null(strstr(error.text, "no-such-group-here"));
}

/* The password file must be readable by whom the helper becomes, a volume must be theirs. */
static void test_what_the_user_must_reach(void **state)
{
	char volume[] = "/";
	char *volumes[] = {volume};
	struct wiremap_config config = {.path = users_path, .users = users_path, .user = user};
	struct privileges found;
	int fd = mkstemp(users_path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(privileges_find(&config, &found, &error), 0);
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(privileges_suffice(&found, &config, &error), -EACCES);
	assert_non_null(strstr(error.text, users_path));
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(privileges_suffice(&found, &config, &error), 0);
	config.volumes.items = volumes;
	config.volumes.n = 1;
	assert_int_equal(privileges_suffice(&found, &config, &error), -EACCES);
	/* Who stays who they are is not asked. */
	config.user = NULL;
	assert_int_equal(privileges_find(&config, &found, &error), 0);
	assert_int_equal(privileges_suffice(&found, &config, &error), 0);
	close(fd);
	unlink(users_path);
}

static void *thread_uid(void *turn)
{
	while (__atomic_load_n((int *)turn, __ATOMIC_ACQUIRE) == 0)
		usleep(1000);
	return (void *)(uintptr_t)(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? getuid() : 0);
}

/* In a child: what is dropped stays dropped, in threads that ran before, too. */
static int child_drops(void)
{
	const struct privileges to = {"nobody", 65534, 65534};
	pthread_t thread;
	void *uid;
	int turn = 0;

	if (privileges_begin(NULL) != 0 || pthread_create(&thread, NULL, thread_uid, &turn) != 0)
		return 1;
	if (privileges_drop(&to, NULL) != 0)
		return 2;
	__atomic_store_n(&turn, 1, __ATOMIC_RELEASE);
	pthread_join(thread, &uid);
	if ((uintptr_t)uid != 65534 || getuid() != 65534 || getgid() != 65534)
		return 3;
	if (setuid(0) == 0 || setgid(0) == 0 || getgroups(0, NULL) != 0)
		return 4;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 5;
	return 0;
}

static void test_drop_is_for_good(void **state)
{
	int status;
	pid_t child;

	(void)state;
	if (geteuid() != 0)
		skip();
	child = fork();
	if (child == 0)
		_exit(child_drops());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_looked_up),
		cmocka_unit_test(test_what_the_user_must_reach),
		cmocka_unit_test(test_drop_is_for_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
