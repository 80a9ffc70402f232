/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int volume_open(struct fixture *fixture, const char *path)
{
	struct store_config config = {.volumes = &path, .volumes_n = 1};
	struct store *store;
	int status = store_open(&config, &store, &fixture->error);

	assert_int_equal(status == 0, store != NULL);
	assert_int_equal(status == 0, fixture->error.text[0] == '\0');
	store_close(&store);
	return status;
}

static void file_write(struct fixture *fixture, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", fixture->directory, name);
	file = fopen(path, "r+");
	if (file == NULL)
		file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* One process serves a volume. The lock goes with the process, however that ends. */
static void test_locked(void **state)
{
	struct fixture *fixture = *state;
	int status;
	pid_t child;

	assert_int_equal(volume_open(fixture, fixture->directory), -EBUSY);
	assert_non_null(strstr(fixture->error.text, "in use"));
	store_close(&fixture->store);
	child = fork();
	if (child == 0) {
		fixture_store_open(fixture);
		_exit(0); /* without closing */
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(volume_open(fixture, fixture->directory), 0);
}

static void test_directories_refused(void **state)
{
	struct fixture *fixture = *state;

	store_close(&fixture->store);
	assert_int_equal(volume_open(fixture, "/nonexistent/volume"), -ENOENT);
	assert_int_equal(volume_open(fixture, "/proc"), -EINVAL);
	assert_non_null(strstr(fixture->error.text, "file system"));
	assert_int_equal(chmod(fixture->directory, 0777), 0);
	assert_int_equal(volume_open(fixture, fixture->directory), -EPERM);
	assert_int_equal(chmod(fixture->directory, 0700), 0);
	file_write(fixture, "volume",
		   "not a volume's head at all, but as long as one would be ...... ");
	assert_int_equal(volume_open(fixture, fixture->directory), -EINVAL);
	assert_non_null(strstr(fixture->error.text, "damaged"));
}

/* A directory with other things in it is somebody's, and no volume is made of it. */
static void test_others_files(void **state)
{
	struct fixture *fixture = *state;
	char path[256];

	store_close(&fixture->store);
	snprintf(path, sizeof(path), "%s/volume", fixture->directory);
	assert_int_equal(unlink(path), 0);
	file_write(fixture, "letter.txt", "Dear");
	assert_int_equal(volume_open(fixture, fixture->directory), -EINVAL);
	assert_non_null(strstr(fixture->error.text, "letter.txt"));
}

static void test_no_volumes(void **state)
{
	struct fixture *fixture = *state;
	struct store_config config = {0};
	struct store *store;

	assert_int_equal(store_open(&config, &store, &fixture->error), -EINVAL);
	assert_null(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_locked),
		TEST(test_directories_refused),
		TEST(test_others_files),
		TEST(test_no_volumes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
