SET search_path = shop, public;
\d
\d+
\d buyer
\d+ buyer
\d sale
\d+ sale
\d event
\d+ event
\d+ event_2024
\d child
\d+ base
\d+ big_sale
\d+ per_buyer
\d ticket
\d buyer_lower
\d money_pair
\dt
\dt+
\dt *.*
\di
\di+
\dv
\dv+
\dm
\dm+
\ds
\ds+
\dE
\df
\df+
\df+ shop.*
\df *total*
\dfn
\da
\dn
\dn+
\du
\du+
\dg
\dp
\dp shop.*
\z
\ddp
\dT
\dT+
\dD
\dD+
\dx
\dx+
\do
\do shop.*
\dO
\dC
\dc
\dd
\dL
\dL+
\dA
\dA+
\dAc btree
\dAf btree
\dAo btree
\dAp btree
\db
\db+
\det
\des
\deu
\dew
\dF
\dF+
\dFd
\dFp
\dFt
\dl
\dP
\dP+
\dPi
\dX
\dy
\dRp
\dRs
\drds
\dconfig work_*
\l
\l+
\sf touched
\sf+ total_of
\sv big_sale
\lo_list
\encoding
SELECT count(*) AS n, max(amount) FROM sale \gset
\echo :n :max
SELECT id, name FROM buyer ORDER BY id \gx
SELECT id, feeling, name FROM buyer \crosstabview
SELECT amount FROM sale ORDER BY id \gdesc
\copy (SELECT id, name, tags FROM buyer ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER)
\copy sale TO STDOUT
SELECT pg_catalog.pg_size_pretty(0::bigint);
EXPLAIN (COSTS OFF) SELECT * FROM big_sale;
TABLE event ORDER BY id;
BEGIN;
SAVEPOINT one;
ROLLBACK TO one;
DECLARE c CURSOR FOR SELECT id FROM sale ORDER BY id;
FETCH 2 FROM c;
MOVE ALL IN c;
CLOSE c;
COMMIT;
PREPARE p(int) AS SELECT amount FROM sale WHERE id = $1;
EXECUTE p(1);
DEALLOCATE p;
SHOW search_path;
SHOW server_version_num;
