// SPDX-License-Identifier: Apache-2.0
//! How statements are done while the tables are small, which is how they are done ever after:
//! a plan that reads all of a table is of no use once the table has grown.

use super::*;
use crate::vault::postgres::statements::KEYS;

/// What is asked or written for each request.
const HASTY: [&str; 11] =
    [INSERT, ADD, FIND_OWN, FIND, FIND_BY_INDEX, FOUND_BY, HELD_BY, HOLD, LOCK_ROWS, REPLACE, KEYS];

struct Plan(&'static str);

impl Work for Plan {
    type Done = String;

    async fn run(&self, link: &Link) -> Result<String, Failure> {
        let values = link.prepare(self.0).await?.params().len();
        let values = vec!["NULL"; values].join(", ");
        let prepare =
            format!("SET plan_cache_mode = force_generic_plan; PREPARE asked AS {}", self.0);
        link.batch_execute(&prepare).await?;
        let plan = link.query(&format!("EXPLAIN EXECUTE asked ({values})"), &[]).await?;
        link.batch_execute("DEALLOCATE asked").await?;
        Ok(plan.iter().map(|line| line.get::<_, String>(0) + "\n").collect())
    }
}

#[tokio::test]
async fn no_statement_in_haste_reads_all_of_a_table() {
    let store = open(&settings()).await;
    for statement in HASTY {
        let plan = store.0.again(Plan(statement)).await.unwrap();
        for table in ["token", "copy", "found_by", "subject_key"] {
            assert!(!plan.contains(&format!("Seq Scan on {table}")), "{statement}\n{plan}");
        }
    }
}
