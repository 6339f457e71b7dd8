#ifndef POSTERN_USERDB_POSTERN_H
#define POSTERN_USERDB_POSTERN_H

#include "auth-common.h"
#include "userdb.h"

/*
 * The userdb "postern". It knows no users and asks the next one about all of them; but when a mail
 * process asks for the user of a login that the passdb let in, it notes which process serves the
 * session (session-table.h), and looks again at a login that has waited (D5).
 */
extern struct userdb_module_interface userdb_postern;

#endif
