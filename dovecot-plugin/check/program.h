#ifndef POSTERN_CHECK_PROGRAM_H
#define POSTERN_CHECK_PROGRAM_H

/*
 * Runs a program of the system and reads what it prints: without a shell, with an environment of
 * its own, and with limits on its time and memory.
 */

#define CHECK_PROGRAM_SECONDS	 5
#define CHECK_PROGRAM_OUTPUT_MAX (1 << 20)

/*
 * Runs argv[0], which is looked for in the system's directories only, and waits for its end. 0 with
 * all that it printed in *output_r, to be freed with free(); -1 when it couldn't be run, failed,
 * printed too much or took too long: *error_r is then one line, to be freed with free().
 */
int check_program_run(const char *const argv[], char **output_r, char **error_r);

#endif
