//! Questions of a worker to the front end, one at a time: what a function returns.

use crate::sync::{lock, wait, AtomicBool, Condvar, Mutex, Ordering};

/// What a function of the front end returned.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// `NULL`
    Null,
    /// A 64-bit integer
    Integer(i64),
    /// A double
    Real(f64),
    /// UTF-8
    Text(Vec<u8>),
    /// Bytes
    Blob(Vec<u8>),
    /// It failed, for a reason that the front end keeps.
    Failed,
}

#[derive(Default)]
pub struct Questions {
    asked: Mutex<Question>,
    answered: Condvar,
    /// A function has failed in the job that runs.
    failed: AtomicBool,
}

/// The question that waits for an answer, and the answer.
#[derive(Default)]
struct Question {
    number: u32,
    answer: Option<Answer>,
}

impl Question {
    /// 0 is for questions without an answer.
    fn advance(&mut self) {
        self.number = self.number.wrapping_add(1).max(1);
        self.answer = None;
    }
}

// On the thread of the front end.
impl Questions {
    /// Answers a question, unless the worker has given up waiting for it.
    pub fn answer(&self, question: u32, answer: Answer) {
        let mut asked = lock(&self.asked);
        if asked.number == question {
            asked.answer = Some(answer);
            self.answered.notify_one();
        }
    }

    /// Wakes a worker that waits for an answer: it checks whether it still has to wait.
    pub fn release(&self) {
        drop(lock(&self.asked));
        self.answered.notify_one();
    }
}

// On the worker's thread.
impl Questions {
    /// The number of the question that is asked next.
    pub fn next(&self) -> u32 {
        let mut asked = lock(&self.asked);
        asked.advance();
        asked.number
    }

    /// Waits for the answer to the last question. `None` if the function failed, or after `gives_up`.
    pub fn wait(&self, gives_up: impl Fn() -> bool) -> Option<Answer> {
        let mut asked = lock(&self.asked);
        loop {
            if let Some(answer) = asked.answer.take() {
                let failed = answer == Answer::Failed;
                self.failed.fetch_or(failed, Ordering::Relaxed);
                return (!failed).then_some(answer);
            }
            if gives_up() {
                asked.advance();
                return None;
            }
            asked = wait(&self.answered, asked);
        }
    }

    /// Whether a function has failed since this was asked last.
    pub fn has_failed(&self) -> bool {
        self.failed.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::testing::{model, thread, Arc};

    fn never() -> bool {
        false
    }

    #[test]
    fn the_answer_reaches_the_worker() {
        model(|| {
            let questions = Arc::new(Questions::default());
            let question = questions.next();
            let front_end = {
                let questions = questions.clone();
                thread::spawn(move || questions.answer(question, Answer::Integer(7)))
            };
            assert_eq!(questions.wait(never), Some(Answer::Integer(7)));
            assert!(!questions.has_failed());
            front_end.join().unwrap();
        });
    }

    #[test]
    fn a_failure_is_reported_once() {
        model(|| {
            let questions = Questions::default();
            questions.answer(questions.next(), Answer::Failed);
            assert_eq!(questions.wait(never), None);
            assert!(questions.has_failed());
            assert!(!questions.has_failed());
        });
    }

    #[test]
    fn a_worker_stops_waiting_when_it_is_released() {
        model(|| {
            let questions = Arc::new(Questions::default());
            let stopped = Arc::new(AtomicBool::new(false));
            let question = questions.next();
            let front_end = {
                let (questions, stopped) = (questions.clone(), stopped.clone());
                thread::spawn(move || {
                    stopped.store(true, Ordering::Relaxed);
                    questions.release();
                })
            };
            assert_eq!(questions.wait(|| stopped.load(Ordering::Relaxed)), None);
            front_end.join().unwrap();
            // Its answer comes too late, and is not that of the next question.
            questions.answer(question, Answer::Null);
            let next = questions.next();
            questions.answer(question, Answer::Null);
            questions.answer(next, Answer::Real(0.5));
            assert_eq!(questions.wait(never), Some(Answer::Real(0.5)));
        });
    }

    #[test]
    fn no_question_has_the_number_of_those_without_an_answer() {
        model(|| {
            let questions = Questions::default();
            lock(&questions.asked).number = u32::MAX;
            assert_eq!(questions.next(), 1);
        });
    }
}
