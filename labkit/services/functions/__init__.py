"""A small serverless platform on this machine: it speaks the AWS Lambda Runtime API to an unmodified `awslambdaric`."""
