#ifndef POSTERN_PASSDB_POSTERN_H
#define POSTERN_PASSDB_POSTERN_H

#include "auth-common.h"
#include "passdb.h"

/*
 * The passdb "postern": logins from outside are decided by external access and app passwords
 * (rules A1 to A9, P1 to P3), logins from an internal network by the passdb that comes next.
 */
extern struct passdb_module_interface passdb_postern;

#endif
