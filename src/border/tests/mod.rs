// SPDX-License-Identifier: Apache-2.0

mod decision_table;
mod generate;
mod reference;
mod small;
